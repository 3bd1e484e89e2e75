#!/usr/bin/env bash
# Installs the servers that test/executors/sql/sql.test.ts starts for itself: PostgreSQL and MariaDB. Needs Debian or Ubuntu, and root
# or sudo. Does nothing where they are there already.
set -euo pipefail

missing=()
compgen -G '/usr/lib/postgresql/*/bin/postgres' > /dev/null || command -v postgres > /dev/null || missing+=(postgresql)
PATH=$PATH:/usr/sbin
command -v mariadbd > /dev/null || command -v mysqld > /dev/null || missing+=(mariadb-server)
if [ ${#missing[@]} -eq 0 ]; then
  echo 'PostgreSQL and MariaDB are there.'
  exit
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 "$@"; }

echo "Installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt update && apt install -y --no-install-recommends "${missing[@]}"; } > "$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
