import subprocess
import sys

import pytest

# The signal goes to a thread that is not the main one, as the system may choose.
STAY = """
import signal, threading, time
from python_ingest.told import Told
told = Told(signal.SIGTERM)
asleep = threading.Thread(target=time.sleep, args=(600,), daemon=True)
asleep.start()
threading.Timer(0.3, lambda: signal.pthread_kill(asleep.ident, signal.SIGTERM)).start()
print(told.wait({seconds}), told.is_set(), flush=True)
"""


@pytest.mark.parametrize("seconds", ["", "600"])
def test_a_signal_that_another_thread_gets_ends_the_wait(seconds):
    stay = [sys.executable, "-c", STAY.format(seconds=seconds)]
    done = subprocess.run(stay, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["True", "True"]


def test_a_wait_ends_in_time_where_none_comes():
    stay = [sys.executable, "-c", STAY.replace("0.3", "600").format(seconds="0.01")]
    with subprocess.Popen(stay, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().split() == ["False", "False"]
        process.kill()
