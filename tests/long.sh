#!/usr/bin/env bash
# The runs that take long, each in a short form (seconds; all.sh runs them) and a long one (what the issues name).
#
#   bash tests/long.sh                   all, long
#   bash tests/long.sh --short           all, short
#   bash tests/long.sh --seed 7 order    one by name, long, with this seed
#
# The seed, the machine, and what each run printed go into a file under target/long/, whose name is the last line.
# Seeds reach the tests as OSTRACA_SEED (the first) and OSTRACA_SEEDS (how many).
set -euo pipefail
cd "$(dirname "$0")/.."

# What each is for stands beside its function, run_NAME.
runs=(loom order seeds batches pools otp stop moves stress asan codec coherence history files bridge findings dashboard buffers)

form=long
seed=
chosen=()
while (($#)); do
    case $1 in
        --short) form=short ;;
        --seed)
            seed=${2:?--seed needs a number}
            shift
            ;;
        *)
            grep -qxF -e "$1" < <(printf '%s\n' "${runs[@]}") || {
                echo "usage: bash tests/long.sh [--short] [--seed N] [RUN..]    of ${runs[*]}" >&2
                exit 2
            }
            chosen+=("$1")
            ;;
    esac
    shift
done
((${#chosen[@]})) || chosen=("${runs[@]}")
[[ -n $seed ]] || seed=$((RANDOM << 30 | RANDOM << 15 | RANDOM))
export OSTRACA_SEED=$seed

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/long"
record="$target/long/$(date -u +%Y%m%dT%H%M%SZ)-$form-$seed.txt"

# Every lock-free algorithm under loom. Short: at most two preemptions a run and a minute a model; long: three
# preemptions, and an hour.
run_loom() {
    local preemptions=2 seconds=60
    [[ $form == short ]] || preemptions=3 seconds=3600
    echo "loom: at most $preemptions preemptions a run, at most $seconds s a model"
    # A target folder of its own: the flag rebuilds everything, and would do so again for the next plain build.
    RUSTFLAGS="--cfg ostraca_loom" CARGO_TARGET_DIR="$target/loom" LOOM_MAX_PREEMPTIONS=$preemptions \
        LOOM_MAX_DURATION=$seconds CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_DEBUG=false \
        cargo test --locked -p ostraca --no-default-features --lib --release loom |
        awk '{ print } /^test result: .* [1-9][0-9]* passed/ { ran = 1 } END { if (!ran) { print "no model was run"; exit 1 } }'
}

# A day of the monitor's history in simulated time, with 10,000 actors: bytes by a counting allocator. Its short form is
# one of the plain tests.
run_history() {
    [[ $form == long ]] || {
        echo "history: a minute of 10,000 actors, run by cargo test"
        return 0
    }
    OSTRACA_HISTORY_MINUTES=1440 cargo test --locked -p ostraca-tests --release --test history -- --nocapture
}

# The order of one sender's tells and asks over seeded schedules. Its short form is one of the plain tests.
run_order() {
    [[ $form == long ]] || {
        echo "order: 2 x 5,000 schedules, run by cargo test"
        return 0
    }
    OSTRACA_SEEDS=${OSTRACA_SEEDS:-500000} \
        cargo test --locked -p ostraca-tests --release --test order -- --nocapture
}

# Sends, cancels, panics, restarts and stops over seeded schedules, with exact books: half of them with the mailboxes
# of production, half with those of the test kit. Its short form is one of the plain tests.
run_seeds() {
    [[ $form == long ]] || {
        echo "seeds: 2 x 1,000 schedules, run by cargo test"
        return 0
    }
    OSTRACA_SEEDS=${OSTRACA_SEEDS:-500000} \
        cargo test --locked -p ostraca-tests --release --test seeds -- --nocapture
}

# Batches with every option under panics, cancelled asks, deadlines, restarts and stops over seeded schedules: one answer
# an item. Its short form is one of the plain tests.
run_batches() {
    [[ $form == long ]] || {
        echo "batches: 2 x 300 schedules, run by cargo test"
        return 0
    }
    OSTRACA_SEEDS=${OSTRACA_SEEDS:-500000} \
        cargo test --locked -p ostraca-tests --release --test batches seeded -- --nocapture
}

# Pools: panics, drops, late turns, restarts, stops, growth; one answer an item. Its short form is one of the plain tests.
run_pools() {
    [[ $form == long ]] || {
        echo "pools: 300 schedules, run by cargo test"
        return 0
    }
    OSTRACA_SEEDS=${OSTRACA_SEEDS:-1000000} \
        cargo test --locked -p ostraca-tests --release --test pools schedules -- --nocapture
}

# OTP's supervisor, as a model, and ours on random trees and failures: the decisions alone, and all of it live. Its short
# form is one of the plain tests.
run_otp() {
    [[ $form == long ]] || {
        echo "otp: 3,000 trees, 60 of them live, run by cargo test"
        return 0
    }
    OSTRACA_SEEDS=${OSTRACA_SEEDS:-100000} OSTRACA_LIVE_EVERY=${OSTRACA_LIVE_EVERY:-1} \
        cargo test --locked -p ostraca-tests --release --test supervision otp -- --nocapture
}

# SIGTERM while wrk drives the storefront, every answer and socket error counted. Its short form is one of the
# plain tests.
run_stop() {
    [[ $form == long ]] || {
        echo "stop: 2 s of wrk, run by cargo test"
        return 0
    }
    OSTRACA_STOP_SECONDS=${OSTRACA_STOP_SECONDS:-60} \
        cargo test --locked -p ostraca-examples --test wrk -- --nocapture
}

# Shards that move between the workers and pinned cores under load. Its short form is one of the plain tests.
run_moves() {
    [[ $form == long ]] || {
        echo "moves: 1,000 moves, run by cargo test"
        return 0
    }
    OSTRACA_MOVES=${OSTRACA_MOVES:-100000} \
        cargo test --locked -p ostraca-tests --release --test moves -- --nocapture
}

# Everything at once on real threads, with exact books. Its short form is one of the plain tests.
run_stress() {
    [[ $form == long ]] || {
        echo "stress: 4 s, run by cargo test"
        return 0
    }
    OSTRACA_STRESS_SECONDS=${OSTRACA_STRESS_SECONDS:-600} \
        cargo test --locked -p ostraca-tests --release --test stress -- --nocapture
}

# The same under AddressSanitizer and LeakSanitizer, where every cell and every reply slot is an allocation of its
# own; and the pools of buffers, whose idle memory counts as freed there. Its short form is nothing: it would build everything anew.
run_asan() {
    [[ $form == long ]] || {
        echo "asan: long form only"
        return 0
    }
    # A target folder of its own, as for loom. With a target named, build scripts and macros are built without it.
    RUSTC_BOOTSTRAP=1 RUSTFLAGS="-Zsanitizer=address --cfg ostraca_asan" CARGO_TARGET_DIR="$target/asan" \
        OSTRACA_STRESS_SECONDS=${OSTRACA_STRESS_SECONDS:-600} OSTRACA_SOAK_SECONDS=${OSTRACA_SOAK_SECONDS:-60} \
        cargo test --locked --target x86_64-unknown-linux-gnu -p ostraca-tests --test stress --test buffers -- --nocapture
}

# Hostile bytes for what decodes the stores' content: no panic, and bounded memory. Its short form is one of the plain
# tests.
run_codec() {
    [[ $form == long ]] || {
        echo "codec: 2 s, run by cargo test"
        return 0
    }
    OSTRACA_FUZZ_SECONDS=${OSTRACA_FUZZ_SECONDS:-600} \
        cargo test --locked -p ostraca-tests --release --test codec -- --nocapture
}

# The file lane: 10 minutes of hostile requests, a client that reads 4 KiB a second, how late other tasks are while three
# cold files of 1 GiB are read (alone on the machine, or it says what the machine did), many random ranges of a file over
# 4 GiB. Its short form is one of the plain tests.
run_files() {
    [[ $form == long ]] || {
        echo "files: 2 s of hostile requests, run by cargo test"
        return 0
    }
    OSTRACA_FUZZ_SECONDS=${OSTRACA_FUZZ_SECONDS:-600} OSTRACA_FILES_LONG=1 OSTRACA_RANGES=${OSTRACA_RANGES:-2000} \
        cargo test --locked -p ostraca-tests --release --test files --test crowd -- --nocapture
}

# Three processes over one Redis server that is killed, paused, flushed and restarted empty, and the Redis client's own
# client-side cache beside it. Its short form is one of the plain tests.
run_coherence() {
    [[ $form == long ]] || {
        echo "coherence: 6 s of faults, run by cargo test"
        return 0
    }
    OSTRACA_COHERENCE_SECONDS=${OSTRACA_COHERENCE_SECONDS:-300} \
        cargo test --locked -p ostraca-tests --release --test coherence -- --nocapture
}

# Messages to actix's actors and from them, both ways at once, with panics on both sides and a flood that ignores bounds.
# Its short form is one of the plain tests.
run_bridge() {
    [[ $form == long ]] || {
        echo "bridge: 2,000 messages a sender, run by cargo test"
        return 0
    }
    OSTRACA_BRIDGE_MESSAGES=${OSTRACA_BRIDGE_MESSAGES:-200000} \
        cargo test --locked -p ostraca-tests --release --test bridge load -- --nocapture
}

# Ten minutes of clean load in real time, in which the monitor names nothing, beside its twelve faults; and the tuner from
# ten bad settings and from good ones. Its short form, in paused time and from three, is one of the plain tests.
run_findings() {
    [[ $form == long ]] || {
        echo "findings: 600 s of paused time, and 3 bad settings, run by cargo test"
        return 0
    }
    OSTRACA_CLEAN_SECONDS=${OSTRACA_CLEAN_SECONDS:-600} OSTRACA_TUNING_STARTS=${OSTRACA_TUNING_STARTS:-10} \
        cargo test --locked -p ostraca-tests --release --test findings -- --nocapture
}

# What an open page of the dashboard costs the service, of a core, with 10,000 actors. Its short form is one of the plain
# tests, and holds nothing to a number.
run_dashboard() {
    [[ $form == long ]] || {
        echo "dashboard: 3 x 2 s, run by cargo test"
        return 0
    }
    OSTRACA_DASHBOARD_SECONDS=${OSTRACA_DASHBOARD_SECONDS:-30} \
        cargo test --locked -p ostraca-tests --release --test dashboard an_open_page -- --nocapture
}

# Buffers that always cross from one thread to another: memory stays flat. Its short form is one of the plain tests.
run_buffers() {
    [[ $form == long ]] || {
        echo "buffers: 6 s, run by cargo test"
        return 0
    }
    OSTRACA_SOAK_SECONDS=${OSTRACA_SOAK_SECONDS:-600} \
        cargo test --locked -p ostraca-tests --release --test buffers flat -- --nocapture
}

{
    echo "form $form, seed $seed, $(git describe --always --dirty 2>/dev/null || echo 'no commit')"
    echo "$(rustc --version), $(nproc) CPUs, $(uname -sr)"
} | tee "$record"

status=0
for run in "${chosen[@]}"; do
    begin=$SECONDS
    echo "-- $run" | tee -a "$record"
    result=ok
    "run_$run" 2>&1 | tee -a "$record" || { result=FAILED && status=1; }
    echo "-- $run: $result, $((SECONDS - begin)) s" | tee -a "$record"
done
echo "recorded in $record"
exit "$status"
