#!/usr/bin/env bash
# Finds what the tests with real servers need; as root on Debian or Ubuntu it installs what is
# missing. Otherwise it names that and how to get it, and exits 1.
set -euo pipefail

# Kafka 4 needs Java 17 or newer: an older java on PATH is as good as none.
has_java() {
    local version
    version=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p') || return 1
    [ "${version:-0}" -ge 17 ]
}

missing=()
command -v kcat >/dev/null || missing+=(kcat)
command -v openssl >/dev/null || missing+=(openssl)
command -v systemd-analyze >/dev/null || missing+=(systemd)
command -v prometheus >/dev/null && command -v promtool >/dev/null || missing+=(prometheus)
{ command -v prometheus-alertmanager || command -v alertmanager; } >/dev/null && command -v amtool >/dev/null ||
    missing+=(prometheus-alertmanager)
command -v chromium >/dev/null || command -v chromium-browser >/dev/null ||
    command -v google-chrome >/dev/null || missing+=(chromium)
has_java || missing+=(openjdk-17-jre-headless)
command -v mvn >/dev/null || missing+=(maven)
command -v curl >/dev/null || missing+=(curl)
command -v c++ >/dev/null || missing+=(g++) # for the kernels as they are built for Windows
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    echo "streamgmm: installing for the tests: ${missing[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    # Debian starts services once they are installed; the tests start their own.
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
        printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
        chmod +x /usr/sbin/policy-rc.d
    fi
    # A distribution that has left Java 17 behind has a default that is newer.
    if apt-get update -qq >&2; then
        apt-cache show openjdk-17-jre-headless >/dev/null 2>&1 ||
            missing=("${missing[@]/openjdk-17-jre-headless/default-jre-headless}")
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2 && exit 0
    fi
    echo "streamgmm: apt-get could not install: ${missing[*]}." >&2
fi

cat >&2 <<TEXT
streamgmm: the tests with a real Kafka, browser, Prometheus, systemd's checker and a C++ compiler need: ${missing[*]} (names of Debian packages).
  Debian, Ubuntu, as root: apt-get update && apt-get install ${missing[*]}
  Elsewhere: Java 17 or newer, Apache Maven 3.6 or newer, kcat, openssl, Chromium,
    Prometheus 2.42 or newer, Alertmanager and systemd-analyze (of systemd 250 or newer), curl and
    c++, each on PATH.
TEXT
exit 1
