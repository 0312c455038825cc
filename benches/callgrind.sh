#!/bin/sh
# Instructions a message, by callgrind: figures that need no quiet machine.
#
# usage: benches/callgrind.sh [WORK..]
#
# Each work runs twice, with N and with 2 N operations. The difference has no start and no end in it; a work warms
# up with a tenth of its operations, hence the 11 / 10. Both sides are counted, producer and actor. Valgrind runs
# one thread at a time, so where threads would wait for each other by spinning the counts are of a quiet day.
set -eu
cd "$(dirname "$0")/.."
command -v valgrind > /dev/null || { echo "valgrind is missing: apt-get install valgrind" >&2; exit 1; }
cargo build --release --locked --quiet -p ostraca-benches --bin compare

count() { # WORK PEER VARIANT OPS
    valgrind --tool=callgrind --callgrind-out-file=/dev/null --fair-sched=yes \
        target/release/compare --one "$1" "$2" "$3" "$4" 2>&1 > /dev/null |
        sed -n 's/.*Collected : \([0-9]*\).*/\1/p'
}

row() { # WORK PEER VARIANT OPS
    few=$(count "$1" "$2" "$3" "$4")
    many=$(count "$1" "$2" "$3" $(($4 * 2)))
    if [ -z "$few" ] || [ -z "$many" ]; then
        echo "| $1 | $2 | $3 | failed |"
    else
        echo "| $1 | $2 | $3 | $(((many - few) * 10 / ($4 * 11))) |"
    fi
}

works=${*:-tell/1p tell-bounded/1p ask/1 pingpong ring forkjoin spawn batch}
echo "| work | peer | variant | instructions an operation |"
echo "|---|---|---|---|"
for work in $works; do
    case $work in
    tell/1p)
        row "$work" ostraca tasks 1000000
        row "$work" tokio "recv_many, tasks" 1000000
        ;;
    tell-bounded/1p)
        row "$work" ostraca "" 1000000
        row "$work" tokio recv_many 1000000
        ;;
    ask/1)
        row "$work" ostraca "" 500000
        row "$work" tokio recv 500000
        ;;
    forkjoin)
        row "$work" ostraca "" 1200000
        row "$work" tokio recv_many 1200000
        ;;
    pingpong | ring)
        row "$work" ostraca "" 500000
        row "$work" tokio "" 500000
        ;;
    spawn)
        row "$work" ostraca "" 100000
        row "$work" tokio "" 100000
        ;;
    batch)
        row "$work" ostraca tasks 1000000
        row "$work" plain tasks 1000000
        ;;
    *)
        echo "no row for $work here" >&2
        exit 1
        ;;
    esac
done
