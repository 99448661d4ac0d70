import threading

from python_ingest.reading.gate import FairGate


def test_first_come_first_served():
    gate, order, threads = FairGate(1), [], []
    assert gate.enter(0)

    def wait(number):
        assert gate.enter(60)
        order.append(number)
        gate.leave()

    for number in range(20):
        threads.append(threading.Thread(target=wait, args=(number,)))
        threads[-1].start()
        while gate.waiting <= number:
            pass
    gate.leave()
    for thread in threads:
        thread.join()
    assert order == list(range(20))
    assert gate.free == 1


def test_who_gave_up_is_not_in_line_any_more():
    gate = FairGate(1)
    assert gate.enter(0)
    assert not gate.enter(0.01)
    assert gate.waiting == 0
    gate.leave()
    assert gate.enter(0)
