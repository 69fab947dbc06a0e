#!/bin/sh
# Prints the test files that start neither a browser nor a server process, without the long property tests.
find dist/test -name '*.test.js' | grep -vE '/(browser|clients|cluster|hostile|types|docs)/|/lib/redis/|conformance/(redis|memory-properties)|plugins/redis|readme|routes/(start|recovery|editor/convergence)'
