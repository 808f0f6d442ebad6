#!/bin/sh
# The browser that the tests drive, letters for the Chinese that it draws, and curl: Debian's
# packages, where the machine has none. JDGATE_CHROMIUM names a browser that is somewhere else.
set -eu
missing=""
test -x "${JDGATE_CHROMIUM:-/usr/bin/chromium}" || missing="chromium"
command -v curl >/dev/null || missing="$missing curl"
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
$sudo apt-get -qq update
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive $sudo apt-get -qq install -y --no-install-recommends $missing >/dev/null
