#!/bin/sh
# One call: SHIPMENTS_KEY=… SHIPMENTS_BASE_URL=https://api.example.com sh call.sh /v2/shipments/1
# For curl 7.84 or later. The key is read from the environment and goes to curl by its standard
# input: on a command line, everybody on this machine could read it.
set -eu

tries=3
while :; do
    answer=$(
        printf 'header = "Authorization: Bearer %s"\n' "$SHIPMENTS_KEY" |
            curl --silent --show-error --config - --max-time 10 \
                --write-out '\n%{http_code} %header{retry-after}' "$SHIPMENTS_BASE_URL$1"
    )
    last=${answer##*
}
    body=${answer%
*}
    status=${last%% *} wait=${last#* }
    tries=$((tries - 1))
    # Only whole seconds; a client that does not wait is refused again.
    case $wait in '' | *[!0-9]*) wait=1 ;; esac
    [ "$status" = 429 ] && [ "$tries" -gt 0 ] && [ "$wait" -le 60 ] || break
    sleep "$wait"
done

case $status in
2??) printf '%s\n' "$body" ;;
*)
    # The sentence of application/problem+json (RFC 9457).
    sentence=$(printf '%s' "$body" | sed -n 's/.*"detail": *"\([^"]*\)".*/\1/p')
    printf '%s: %s\n' "$status" "${sentence:-no reason given}" >&2
    exit 1
    ;;
esac
