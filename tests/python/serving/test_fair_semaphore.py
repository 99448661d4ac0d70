import threading

from python_ingest.serving.fair_semaphore import FairSemaphore


def test_threads_enter_in_the_order_in_which_they_came():
    semaphore, order, threads = FairSemaphore(1), [], []
    assert semaphore.acquire(0)

    def wait(number):
        assert semaphore.acquire(60)
        order.append(number)
        semaphore.release()

    for number in range(20):
        threads.append(threading.Thread(target=wait, args=(number,)))
        threads[-1].start()
        while semaphore.waiting <= number:
            pass
    semaphore.release()
    for thread in threads:
        thread.join()
    assert order == list(range(20))
    assert semaphore.free == 1


def test_a_thread_that_gave_up_waits_no_more():
    semaphore = FairSemaphore(1)
    assert semaphore.acquire(0)
    assert not semaphore.acquire(0.01)
    assert semaphore.waiting == 0
    semaphore.release()
    assert semaphore.acquire(0)
