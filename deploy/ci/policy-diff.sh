#!/bin/sh
# What a pull request would change, as Markdown for a review comment: the policy at BASE beside the one here.
# POLICY: the policy file. BASE: a git revision, such as origin/main. RECORDS: incidents to compare over. OUTPUT: the file.
set -eu
old=$(mktemp -d)
trap 'rm -rf "$old"' EXIT
if ! git show "$BASE:$POLICY" > "$old/policy.toml" 2> /dev/null; then
    echo "There is no $POLICY at $BASE: nothing to compare with." | tee "$OUTPUT"
    exit 0
fi
tieline policy diff "$old/policy.toml" "$POLICY" --records "$RECORDS" --format markdown -o "$OUTPUT"
