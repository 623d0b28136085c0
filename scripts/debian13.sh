# SPDX-License-Identifier: MIT
#
# A folder with Debian 13 (.cache/debian13) and how to run something in it: sourced by the scripts that test and build there. They have set
# `top`, `set -euo pipefail`, and die().
root=$top/.cache/debian13
suite=trixie

# Why nothing can be run there on this machine; nothing is printed where it can.
debian13_lacks() {
	[ "$(id -u)" = 0 ] || { echo "changing the root folder needs root"; return; }
	command -v apt-get >/dev/null || { echo "packages of Debian 13 are fetched by apt, which is not here"; return; }
	unshare --mount --pid --fork true 2>/dev/null || echo "no namespaces may be made here"
}

# How this machine reaches the archive is how the folder does: proxies and the like.
take_over_network() {
	apt-config dump | grep -E '^Acquire::(http|https|Retries)\b' >"$1/etc/apt/apt.conf.d/90host" || true
	rm -f "$1/etc/resolv.conf"
	cat /etc/resolv.conf >"$1/etc/resolv.conf"
}

# Why nothing can be fetched from the archive now; nothing is printed where it can.
archive_lacks() {
	local mirror
	mirror=$(scripts/debian-mirror 2>&1) || { echo "$mirror"; return; }
	! command -v wget >/dev/null || wget -q --tries=2 --timeout=20 --spider "${mirror%/}/dists/$suite/InRelease" ||
		echo "the archive that Debian 13 is made from cannot be reached"
}

install_debootstrap() {
	local log=$top/.cache/debootstrap.log
	! command -v debootstrap >/dev/null || return 0
	say "installing debootstrap"
	mkdir -p "$top/.cache"
	DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends debootstrap >"$log" 2>&1 ||
		{ tail -n 20 "$log" >&2; die "debootstrap could not be installed"; }
}

# debootstrap_into FOLDER [PACKAGE,...]: Debian 13 in a new folder, with further packages.
debootstrap_into() {
	local folder=$1 log=$1.log mirror
	install_debootstrap
	mirror=$(scripts/debian-mirror)
	say "making a folder with Debian 13 (two minutes; log in ${log#"$top/"})"
	rm -rf --one-file-system "$folder.new"
	debootstrap --variant=minbase ${2:+--include="$2"} "$suite" "$folder.new" "$mirror" >"$log" 2>&1 ||
		{ tail -n 20 "$log" >&2; die "debootstrap failed"; }
	mv "$folder.new" "$folder"
	take_over_network "$folder"
}

# Run in namespaces of its own: the folder is a mount as any root is, with the file systems that programs expect. Mounts and processes end
# with the namespaces. SHARED: a folder that is there as /src/shared, read-only. BINFMT: how the kernel is to run programs of another
# architecture.
enter='
	root=$1
	shift
	mount --make-rprivate /
	mount --bind "$root" "$root"
	mount --rbind /dev "$root/dev"
	mount --rbind /sys "$root/sys"
	mount -t proc proc "$root/proc"
	mount -t tmpfs tmpfs "$root/tmp"
	mount -t tmpfs tmpfs "$root/run"
	[ -z "${SHARED-}" ] || mount --bind -o ro "$SHARED" "$root/src/shared"
	if [ -n "${BINFMT-}" ]; then
		mount -t binfmt_misc binfmt_misc "$root/proc/sys/fs/binfmt_misc"
		printf "%s" "$BINFMT" >"$root/proc/sys/fs/binfmt_misc/register"
	fi
	exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
'

# inside COMMAND...: in the folder.
inside() {
	unshare --mount --pid --ipc --fork --kill-child bash -euc "$enter" bash "$root" "$@"
}

# collect_packages FOLDER ARCHITECTURE: what dpkg-buildpackage left, and whether lintian finds fault with it.
collect_packages() {
	local folder=$1 architecture=$2
	rm -rf "$folder" "$root/src/packages"
	mkdir -p "$folder"
	mv "$root"/src/{tfld,tflctl,libtflclient}*_"$architecture".deb "$root"/src/tfld_*_"$architecture".{changes,buildinfo} "$folder/"
	say "asking lintian"
	cp -r "$folder" "$root/src/packages"
	inside sh -c 'cd /src/packages && lintian --no-tag-display-limit --info --fail-on error,warning tfld_*.changes' >.cache/lintian.txt 2>&1 ||
		{ cat .cache/lintian.txt >&2; die "lintian found something"; }
}

# The tree as it stands, with what is not committed yet.
copy_tree() {
	rm -rf "$root/src"
	mkdir -p "$root/src/tfld" "$root/src/shared"
	git ls-files -z --cached --others --exclude-standard | tar -c --null --ignore-failed-read -T - | tar -x --no-same-owner -C "$root/src/tfld"
}

# The folder, with package lists of today.
prepare_debian13() {
	mkdir -p "$top/.cache"
	[ -d "$root" ] || debootstrap_into "$root"
	mkdir -p "$root/src/shared"
	take_over_network "$root"
	inside apt-get -qq update >"$root.log" 2>&1 || { tail -n 20 "$root.log" >&2; die "apt-get update failed on Debian 13"; }
}
