#!/bin/sh
# install.sh sender|receiver: installs or upgrades that box of Weir from this folder alone, without a network.
# Compare beforehand what `sha256sum SHA256SUMS` prints with what whoever made the folder has read out to you.
set -eu
case ${1:-} in sender | receiver) ;; *) echo "usage: $0 sender|receiver" >&2; exit 2 ;; esac
cd "$(dirname "$0")"
sha256sum --quiet --strict --check SHA256SUMS
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/lists"
ln -s "$PWD" "$work/packages"
echo "deb [trusted=yes] file:$work/packages ./" >"$work/sources.list"
apt() {
	apt-get -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$work/lists" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
		-o APT::Sandbox::User=root "$@"
}
apt -qq update
DEBIAN_FRONTEND=noninteractive apt install -y --no-remove --no-install-recommends "weir-$1"
