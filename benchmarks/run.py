"""All benchmarks one after the other, at one size, each in a process of its own.

python benchmarks/run.py small|20m|100m
"""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
SMALL = {
    "landing": ["--rows", "40000", "--times", "1", "--stream-seconds", "2"],
    "engines": ["--rows", "40000", "--times", "1"],
    "bars": ["--rows", "200000", "--times", "1"],
    "positions": ["--rows", "2000"],
    "retention": ["--rows", "100000"],
    "reads": ["--rows", "100000", "--seconds", "1", "--runs", "1", "--repeats", "30"],
    "serve": ["--rows", "100000", "--repeats", "30", "--runs", "1"],
    "live": ["--rows", "100000", "--seconds", "5"],
    "backup": ["--rows", "100000", "--times", "1"],
    "migration": ["--rows", "20000", "--compared", "20000", "--times", "1"],
    "build": ["--rows", "100000", "--times", "1"],
    "scale": ["--rows", "50000", "--times", "1"],
}
LARGE = {name: ["--rows", "20000000"] for name in SMALL} | {
    "migration": ["--rows", "2000000", "--compared", "20000000"],
    "positions": ["--rows", "1000000"],
    "scale": ["--rows", "4000000", "20000000"],
}
LARGER = {name: ["--rows", "100000000"] for name in ("landing", "retention", "build")} | {
    name: ["--rows", "20000000", "100000000"] for name in ("bars", "scale")
}
SCALES = {"small": SMALL, "20m": LARGE, "100m": LARGER}


def main() -> int:
    if len(sys.argv) != 2 or sys.argv[1] not in SCALES:
        print(f"usage: python benchmarks/run.py {'|'.join(SCALES)}", file=sys.stderr)
        return 2
    if sys.argv[1] != "small":  # figures of no size that matters do not replace the real ones
        os.environ["BENCH_RESULTS"] = str(HERE / "results")
    failed = []
    for name, arguments in SCALES[sys.argv[1]].items():
        print(f"\n## {name}\n", flush=True)
        command = [sys.executable, str(HERE / f"bench_{name}.py"), *arguments]
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    subprocess.run([sys.executable, str(HERE / "table.py")], check=True)
    if failed:
        print(f"did not end well: {', '.join(failed)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
