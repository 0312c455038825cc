#!/usr/bin/env bash
# Everything a change must pass: format, clippy, every test (doc tests and the book among them), the lean build,
# the API docs, and the long runs in their short form.
#
#   bash tests/all.sh          as root, installs the Debian packages that are missing; otherwise prints the command
#   CI=1 bash tests/all.sh     fails as well when anything was not run
#
# A test whose outside part is missing appends one line, `test: what it needs`, to the file named by
# OSTRACA_NOT_RUN and returns: it is then counted as skipped here, and named.
# All steps run, also after one has failed. The last line is `N passed, N failed, N skipped`.
set -euo pipefail
cd "$(dirname "$0")/.."

# Debian package | a command it brings | what is not run without it. Each line is one more row for a later part.
packages=(
    "wrk|wrk|the storefront's stop while wrk drives it"
    "postgresql|pg_lsclusters|the storefront over PostgreSQL"
    "prometheus|promtool|promtool on the page of metrics"
    "iproute2|ss|the backlog of a listener as the kernel has it"
    "chromium|chromium|the dashboard in a real browser"
    "redis-server|redis-server|the Redis and Redis Cluster tiers, and coherence between processes"
)

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/all"
logs=$(mktemp -d "$target/all/XXXXXX")
logs=$(cd "$logs" && pwd)
trap 'rm -rf "$logs"' EXIT
export OSTRACA_NOT_RUN="$logs/not-run"
: >"$OSTRACA_NOT_RUN"
: >"$logs/missing"
steps=0
failed_steps=()
broken=0 # Steps that failed without a failed test: a lint, a build.

# missing_packages: the packages of the table that are not there, one a line.
missing_packages() {
    local row package brings
    for row in "${packages[@]}"; do
        IFS='|' read -r package brings _ <<<"$row"
        command -v "$brings" >/dev/null || echo "$package"
    done
}

# install_packages: installs them as root, and says what to do where that cannot be.
install_packages() {
    local missing row package brings what
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]})) || return 0
    if ((EUID == 0)) && command -v apt-get >/dev/null; then
        echo "== installing ${missing[*]}"
        { apt-get update --quiet --quiet &&
            DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends "${missing[@]}"; } \
            >"$logs/apt" 2>&1 || tail -n 5 "$logs/apt"
    fi
    mapfile -t missing < <(missing_packages)
    ((${#missing[@]})) || return 0
    echo "missing; to install: sudo apt-get install --yes --no-install-recommends ${missing[*]}"
    for row in "${packages[@]}"; do
        IFS='|' read -r package brings what <<<"$row"
        command -v "$brings" >/dev/null || echo "$what: needs $package" | tee -a "$logs/missing"
    done
}

# step NAME COMMAND..: runs the command, shows its output and its time, and remembers a failure.
step() {
    local name=$1 begin=$SECONDS log="$logs/$((++steps)).log"
    shift
    echo "== $name"
    if "$@" 2>&1 | tee "$log"; then
        echo "== $name: ok, $((SECONDS - begin)) s"
    else
        echo "== $name: FAILED, $((SECONDS - begin)) s"
        failed_steps+=("$name")
        grep -q '^test result: FAILED' "$log" || broken=$((broken + 1))
    fi
}

# lean_tree: fails and shows them when the crate without features pulls in what only features may.
lean_tree() {
    local tree
    tree=$(cargo tree --locked -p ostraca --no-default-features --edges normal,build --prefix none) || return 1
    if grep -E '^(actix|redis|rusqlite|libsqlite3|sqlite)' <<<"$tree"; then
        echo "the crates above are in the tree of ostraca without features"
        return 1
    fi
    echo "$(sort -u <<<"$tree" | wc -l) crates; no actix, redis or SQLite among them"
}

# sum COLUMN: adds up one number of cargo's `test result` lines, e.g. `passed`.
sum() {
    cat "$logs"/*.log | sed -nE "s/^test result: .* ([0-9]+) $1.*/\1/p" | awk '{ n += $1 } END { print n + 0 }'
}

install_packages
step "format" cargo fmt --all --check
step "clippy" cargo clippy --locked --workspace --all-targets --all-features -- -D warnings
step "clippy as a dependency" cargo clippy --locked -p ostraca -- -D warnings
step "tests" cargo test --locked --workspace --all-features --no-fail-fast
step "build without features" cargo build --locked -p ostraca --no-default-features
step "tree without features" lean_tree
step "API docs" env RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --all-features
step "packages" cargo package --locked --offline --allow-dirty -p ostraca-macros -p ostraca
step "long runs in short" bash tests/long.sh --short

# A test that said itself that it was not run is among cargo's passed ones. A missing package that no test spoke
# of counts by its row above.
passed=$(($(sum passed) - $(wc -l <"$OSTRACA_NOT_RUN")))
while IFS= read -r row; do
    grep -qw -- "${row##* }" "$OSTRACA_NOT_RUN" || echo "$row" >>"$OSTRACA_NOT_RUN"
done <"$logs/missing"
failed=$(($(sum failed) + broken))
skipped=$(($(sum ignored) + $(wc -l <"$OSTRACA_NOT_RUN")))

sed 's/^/not run: /' "$OSTRACA_NOT_RUN"
status=0
if ((${#failed_steps[@]})); then
    printf 'failed: %s\n' "${failed_steps[@]}"
    status=1
fi
if [[ -n ${CI:-} ]] && ((skipped > 0)); then
    echo "failed: CI is set and not everything was run"
    status=1
fi
echo "all of it took $((SECONDS / 60)) min $((SECONDS % 60)) s"
echo "$passed passed, $failed failed, $skipped skipped"
exit "$status"
