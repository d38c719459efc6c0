#!/bin/sh
# Posts bodies with curl, and says how often the expected answer came whole.
# usage: curl.sh PROTOCOL CA ROUNDS CASES
#   PROTOCOL  http1 or http2: a connection for each request; http1-reuse or http2-reuse: one for all of a case;
#             http1-chunked or http2-chunked: as the first, and the body's length is not said
#   CASES     a file of lines "STATUS SIZE REGION URL"; REGION is sent as O-Region
# Says for each case "RECEIVED STATUS SIZE REGION URL" and the first problem.
set -eu
protocol=$1 ca=$2 rounds=$3 cases=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

case $protocol in
  http1*) version=--http1.1 ;;
  *) version=--http2 ;;
esac

# curl does not know the length of a pipe.
case $protocol in
  *-chunked) body="--upload-file -" ;;
  *) body="--data-binary @$work/body" ;;
esac

# One request for each `url` line of the configuration.
post() {
  # shellcheck disable=SC2086
  cat "$work/body" | curl --disable --noproxy '*' -sS "$version" --max-time 10 --cacert "$ca" -X POST $body \
    -H "O-Region: $region" -w '%{http_code} %{exitcode} %{errormsg}\n' -K "$work/request" 2>>"$work/errors" || true
}

while read -r status size region url; do
  head -c "$size" /dev/zero >"$work/body"
  : >"$work/said"
  : >"$work/request"
  round=0
  while [ "$round" -lt "$rounds" ]; do
    printf 'url = "%s"\noutput = "/dev/null"\n' "$url" >>"$work/request"
    round=$((round + 1))
    case $protocol in
      *-reuse) [ "$round" = "$rounds" ] || continue ;;
    esac
    post >>"$work/said"
    : >"$work/request"
  done
  received=$(grep -c "^$status 0 " "$work/said" || true)
  problem=$(grep -v "^$status 0 " "$work/said" | head -n 1 || true)
  echo "$received $status $size $region $url $problem"
done <"$cases"
