"""`parquetry restore`: undo the commits after a version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from parquetry.cli.options import DatasetArgument, DryRun, Yes

if TYPE_CHECKING:
    from pathlib import Path


def restore(
    dataset: DatasetArgument,
    version: Annotated[
        int | None, typer.Argument(help="The version to go back to; 0 is before all.")
    ] = None,
    backup: Annotated[
        str | None,
        typer.Option(help="Instead: bring back the files of this backup, made by --backup-dir."),
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Undo the commits after a version, by a new commit that can itself be undone.

    Files that came without a commit stay. With --backup the files that one change replaced come back,
    and what took their place leaves.
    """
    if (version is None) == (backup is None):
        raise typer.BadParameter("name a version, or a backup by --backup, and not both")
    if backup is not None:
        _from_backup(dataset, backup, dry_run=dry_run, yes=yes)
    elif version is not None:
        _to_version(dataset, version, dry_run=dry_run, yes=yes)


def _to_version(dataset: Path, version: int, *, dry_run: bool, yes: bool) -> None:
    from parquetry.cli.asking import confirm
    from parquetry.cli.rendering import say
    from parquetry.dataset import Dataset
    from parquetry.model.wording import count_text

    handle = Dataset.open(dataset)
    plan = handle.plan_restore(version)
    if plan.is_empty:
        say(f"nothing to undo: the dataset is as it was at version {version}")
        return
    say(
        f"restoring version {version} brings back {count_text(len(plan.revive), 'file')} and takes "
        f"away {count_text(len(plan.retire), 'file')}"
    )
    if dry_run or not confirm("Restore?", yes=yes):
        say("nothing was changed")
        return
    record = handle.restore(version)
    if record is None:
        say("nothing to undo: somebody else was faster")
        return
    undo = f"parquetry restore {dataset} {record.version - 1}"
    say(f"restored by commit {record.version}; undo it with: {undo}")


def _from_backup(dataset: Path, backup: str, *, dry_run: bool, yes: bool) -> None:
    from parquetry.cli.asking import confirm
    from parquetry.cli.rendering import say
    from parquetry.model.wording import count_text
    from parquetry.operations.backups import restore_backup
    from parquetry.operations.manifests import read_manifest
    from parquetry.storage.local import LocalStorage

    manifest = read_manifest(backup, LocalStorage())
    say(
        f"restoring {count_text(len(manifest.files), 'file')} that {manifest.operation} replaced, "
        f"from {backup}"
    )
    if dry_run or not confirm("Restore?", yes=yes):
        say("nothing was changed")
        return
    record = restore_backup(backup, dataset)
    undo = f"parquetry restore {dataset} {record.version - 1}"
    say(f"restored by commit {record.version}; undo it with: {undo}")
