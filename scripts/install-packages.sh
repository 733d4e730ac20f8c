#!/usr/bin/env bash
# Installs the Debian packages that one purpose needs: install-packages.sh build|test|browser|bench …
# If nothing is missing this is one dpkg query and nothing else; apt's own configuration says where packages come from.
set -euo pipefail

build_packages=(g++ cmake ninja-build ccache pkg-config libboost1.81-dev libboost-json1.81-dev libssl-dev
  libarchive-dev zlib1g-dev libyaml-cpp-dev libsimdjson-dev libdeflate-dev libutf8proc-dev libgit2-dev libkainjow-mustache-dev libcjose-dev libjansson-dev libseccomp-dev libsqlite3-dev
  libcurl4-openssl-dev libspdlog-dev libfmt-dev libcli11-dev libtree-sitter-dev curl ca-certificates)
test_packages=(libgtest-dev python3 python3-jsonschema python3-yaml python3-aiosmtpd git openssl clang-format-14 clang-tidy-14 clang-tools-14 clang-14 libclang-rt-14-dev
  debootstrap systemd-container nginx-light haproxy)
# e2e.browser alone; some 300 MB, so that test does not bring them.
browser_packages=(chromium chromium-driver)
bench_packages=(nginx-light wrk strace)

wanted=()
for purpose in "${@:-build}"; do
  case "$purpose" in
    build)
      wanted+=("${build_packages[@]}")
      # fetch-grammars.sh asks npm which registry to use if the environment names none.
      [ -n "${NPM_CONFIG_REGISTRY:-${npm_config_registry:-}}" ] || command -v npm >/dev/null || wanted+=(npm) ;;
    test)
      wanted+=("${test_packages[@]}")
      # Any node will do: it only fetches the pinned clients (install-clients.sh), which bring their own node.
      command -v node >/dev/null && command -v npm >/dev/null || wanted+=(nodejs npm) ;;
    browser) wanted+=("${browser_packages[@]}") ;;
    bench) wanted+=("${bench_packages[@]}") ;;
    *) echo "install-packages.sh: unknown purpose '$purpose'; one of build, test, browser, bench" >&2; exit 2 ;;
  esac
done

installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null | sed -n 's/^installed //p' || true)
missing=()
for package in "${wanted[@]}"; do
  grep -qxF -- "$package" <<<"$installed" || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "install-packages.sh: missing ${missing[*]}; run as root or install sudo" >&2
    exit 3
  fi
  as_root=(sudo)
fi
echo "installing: ${missing[*]}" >&2
apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600)
"${apt[@]}" update >&2
"${apt[@]}" install -y --no-install-recommends "${missing[@]}" >&2
