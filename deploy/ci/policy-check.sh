#!/bin/sh
# What every pipeline runs for a policy: the check in the wanted format, then the tests with their coverage.
# POLICY: a policy file or nothing for the [policy] of ./config.toml. FORMAT: text, github, junit, sarif or json.
# MIN_COVERAGE: percent of the rules that the tests must reach. STRICT: 1 to fail for remarks as well.
set -eu
tieline policy check ${POLICY:+"$POLICY"} --format "${FORMAT:-text}" ${STRICT:+--strict} ${REPORT:+-o "$REPORT"}
tieline policy test ${POLICY:+"$POLICY"} --min-coverage "${MIN_COVERAGE:-100}"
