#!/bin/sh
# Start (or resume) a training run in the background: tools/train/run.sh CONFIG [OPTIONS]
# jemalloc keeps freed pages, which halves the CPU time of a step.
set -eu
config=$1
shift
name=$(sed -n 's/^name: *//p' "$config")
folder=${RTSTEM_TRAIN_DIR:-$HOME/.cache/rtstem-train}/runs/$name
mkdir -p "$folder"
library=$(ldconfig -p | sed -n 's/.*=> \(.*libjemalloc.so.2\)$/\1/p' | head -n 1)
export LD_PRELOAD="$library"
export MALLOC_CONF=background_thread:false,dirty_decay_ms:-1,muzzy_decay_ms:-1,thp:always
export OMP_WAIT_POLICY=PASSIVE GOMP_SPINCOUNT=0
setsid nohup nice -n 5 python -m tools.train.train "$config" "$@" >> "$folder/log.txt" 2>&1 &
echo "$folder"
