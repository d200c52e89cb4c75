"""Checks that a user's git repository can take the change, and says what to do if not."""

from __future__ import annotations

from workbench.apply.repository import EXACTLY, Repository
from workbench.apply.status import BRANCHES, Head
from workbench.errors import NotApplied
from workbench.system import git

#: The files in git's folder of this worktree that show an unfinished operation, and the name of the operation.
UNFINISHED = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
    "BISECT_LOG": "a bisection",
}


def clean_head(repository: Repository) -> Head:
    """Return what is checked out. Check that nothing is uncommitted and that no operation is unfinished.

    Raises:
        NotApplied: the repository has no commit, has uncommitted changes, or an operation such as a merge is
            unfinished.
    """
    status = repository.status()
    if status.changes:
        raise NotApplied(
            f"{repository.top} has changes that are not committed ({status.changes}): commit or stash them first"
        )
    for name, operation in UNFINISHED.items():
        if (repository.git_folder / name).exists():
            raise NotApplied(
                f"{operation} is going on in {repository.top}: finish or abort it first (git status says how)"
            )
    return status.head


def require_identity(repository: Repository) -> None:
    """Check that git knows the author, the committer and the date of a new commit.

    Raises:
        NotApplied: git does not know them.
    """
    for role in ("AUTHOR", "COMMITTER"):
        result = repository.git.run("var", f"GIT_{role}_IDENT")
        if result.exit_code != 0:
            raise NotApplied(
                f"git cannot tell who commits ({git.reason(result)}). If git does not know your name, run "
                'git config --global user.name "Your Name" and git config --global user.email you@example.org'
            )


def require_new_branch_name(repository: Repository, branch: str) -> None:
    """Check that a new branch can have this name.

    Raises:
        NotApplied: the name is invalid or taken, or git cannot hold it beside an existing branch.
    """
    is_valid = repository.git.run("check-ref-format", BRANCHES + branch).exit_code == 0
    if branch.startswith("-") or branch == "HEAD" or not is_valid:
        raise NotApplied(f'"{branch}" is not a valid branch name: choose another name with --branch')
    # Git cannot hold the branches `a` and `a/b` at the same time. Git takes the last pattern for a folder, too.
    parts = branch.split("/")
    patterns = [*(EXACTLY + "/".join(parts[:n]) for n in range(1, len(parts))), BRANCHES + branch]
    refs = repository.git.text("for-each-ref", "--format=%(refname)", *patterns).split("\n")
    existing = [ref.removeprefix(BRANCHES) for ref in refs if ref]
    if branch in existing:
        raise NotApplied(
            f"the branch {branch} exists already: git switch {branch}, or choose another name with --branch"
        )
    if existing:
        raise NotApplied(
            f"the branch {existing[0]} exists, and git cannot hold a branch {branch} at the same time: "
            "choose another name with --branch"
        )


def require_head(repository: Repository, head: Head) -> None:
    """Check that what was checked out still is. Otherwise a new branch would lack a colleague's commit.

    Raises:
        NotApplied: another branch or commit is checked out.
    """
    expected = f"{head.commit}\n{BRANCHES + head.branch if head.branch else 'HEAD'}"
    if repository.git.text("rev-parse", "HEAD", "--symbolic-full-name", "HEAD") != expected:
        raise NotApplied(
            f"{repository.top} is not at commit {head.commit[:12]} of {head.branch or 'no branch'} any more: somebody "
            "committed or switched the branch meanwhile, and nothing was changed; run the command again"
        )
