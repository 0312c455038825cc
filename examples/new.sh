#!/usr/bin/env bash
# Makes a service of your own of examples/template, without anything installed: `bash examples/new.sh my-service`.
# `cargo generate --path examples/template` does the same, and asks for what this finds out.
set -euo pipefail

if (($# != 1)) || [[ $1 == -* ]]; then
    echo "usage: bash $0 FOLDER    its last part is the name, such as my-service" >&2
    exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)
ostraca=$(cd "$here/../framework" && pwd)
name=$(basename "$1")
if [[ ! $name =~ ^[a-z][a-z0-9_-]*$ ]]; then
    echo "$name: a crate's name has small letters, digits, - and _, and begins with a letter" >&2
    exit 2
fi
if [[ -e $1 ]]; then
    echo "$1: is there already" >&2
    exit 2
fi

mkdir -p "$1"
cp -R "$here/template/." "$1"
rm "$1/cargo-generate.toml"
for file in "$1"/*.liquid; do
    sed -e "s|{{project-name}}|$name|g" -e "s|{{ostraca}}|$ostraca|g" "$file" >"${file%.liquid}"
    rm "$file"
done
echo "$1 is there; go on with: cd $1 && cargo run"
