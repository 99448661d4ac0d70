"""In every Python that a test starts: dbt reads the project once, for whatever database.

To read all of it takes five seconds, and dbt does so again for another database, other --vars or
another target folder. No model of ours has other parents or another config because of them, and
what a file says is read again where the file changed. conftest.py puts this folder on PYTHONPATH;
what was read lies in the folder READ_BY_DBT.
"""

import importlib.abc
import importlib.util
import os
import shutil
import sys
from hashlib import sha256
from pathlib import Path


class _OnImport(importlib.abc.MetaPathFinder):
    """Waits for the module that reads projects: most processes never import dbt."""

    def find_spec(self, name, path=None, target=None):
        if name != "dbt.parser.manifest":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def execute_and_share(module):
            execute(module)
            _share(module.ManifestLoader)

        spec.loader.exec_module = execute_and_share
        return spec


def _share(loader):
    from dbt.artifacts.resources import FileHash  # noqa: PLC0415 - most processes never need it

    check, read, write = (
        loader.build_manifest_state_check,
        loader.read_manifest_for_partial_parse,
        loader.write_manifest_for_partial_parse,
    )

    def check_files(self):
        state = check(self)
        state.vars_hash = FileHash.from_contents("")
        state.profile_hash = FileHash.from_contents(self.root_project.target_name)
        return state

    def places(self):
        state, project = self.manifest.state_check, self.root_project
        asked = [project.project_root, project.target_name, state.project_env_vars_hash.checksum]
        name = sha256("\0".join(asked).encode()).hexdigest()
        kept = Path(os.environ["READ_BY_DBT"], name)
        return Path(project.project_target_path, "partial_parse.msgpack"), kept

    def read_what_is_kept(self):
        own, kept = places(self)
        if kept.exists():
            own.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(kept, own)
        return read(self)

    def write_and_keep(self):
        write(self)
        own, kept = places(self)
        if not kept.exists():
            part = kept.with_suffix(f".{os.getpid()}")
            shutil.copyfile(own, part)
            part.replace(kept)

    loader.build_manifest_state_check = check_files
    loader.read_manifest_for_partial_parse = read_what_is_kept
    loader.write_manifest_for_partial_parse = write_and_keep


if "READ_BY_DBT" in os.environ:
    sys.meta_path.insert(0, _OnImport())
