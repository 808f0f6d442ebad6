#!/bin/sh
# The browser that the tests drive, letters for the Chinese that it draws, curl and git: Debian's
# packages, where the machine has none. JDGATE_CHROMIUM names a browser that is somewhere else.
set -eu
missing=""
test -x "${JDGATE_CHROMIUM:-/usr/bin/chromium}" || missing="chromium"
for tool in curl git; do
	command -v $tool >/dev/null || missing="$missing $tool"
done
if ! command -v fc-list >/dev/null || test -z "$(fc-list :lang=zh)"; then
	missing="$missing fontconfig fonts-wqy-microhei"
fi
test -n "$missing" || exit 0
sudo=""
test "$(id -u)" = 0 || sudo="sudo"
command -v apt-get >/dev/null || {
	echo "the tests need:$missing; install them, or set JDGATE_CHROMIUM" >&2
	exit 1
}
# a mirror may be busy, and so may another program that installs something
patient="-o Acquire::Retries=5 -o DPkg::Lock::Timeout=600"
# shellcheck disable=SC2086
$sudo apt-get -qq $patient update
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $sudo apt-get -qq $patient install -y --no-install-recommends $missing >/dev/null
