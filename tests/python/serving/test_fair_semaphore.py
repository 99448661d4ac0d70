import threading

import pytest

from python_ingest.serving import fair_semaphore
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


def test_a_time_that_is_used_up_waits_not_at_all():
    semaphore = FairSemaphore(1)
    assert semaphore.acquire(-0.5)
    assert not semaphore.acquire(-0.5)
    semaphore.release()
    assert semaphore.free == 1


@pytest.mark.parametrize("released_first", [False, True])
def test_a_thread_that_is_interrupted_leaves_its_slot_to_others(monkeypatch, released_first):
    semaphore = FairSemaphore(1)
    assert semaphore.acquire(0)

    class Interrupted:
        """A lock whose second taker gets Ctrl-C."""

        def __init__(self):
            self.taken = 0

        def acquire(self, timeout=-1):
            self.taken += 1
            if self.taken > 1:
                if released_first:
                    semaphore.release()
                raise KeyboardInterrupt
            return True

        def release(self):
            pass

    monkeypatch.setattr(fair_semaphore.threading, "Lock", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        semaphore.acquire(60)
    monkeypatch.undo()
    if not released_first:
        semaphore.release()
    assert (semaphore.free, semaphore.waiting) == (1, 0)
