#!/usr/bin/env bash
# The same for any CI: GATE_URL (as in .npmrc) is needed; with GATE_ADMIN, REPOSITORY_URL and NPM_GATE_TOKEN the project is
# subscribed too. Arguments: the lockfiles.
set -euo pipefail
code=0
for lockfile in "${@:-package-lock.json}"; do
  if [ -n "${GATE_ADMIN:-}" ]; then
    npm-gate subscribe "$lockfile" --repository "$REPOSITORY_URL" --admin "$GATE_ADMIN" || [ $? -eq 1 ] ||
      echo "$REPOSITORY_URL could not be subscribed" >&2
  fi
  npm-gate audit "$lockfile" --gate "$GATE_URL" || code=$?
done
exit "$code"
