# Stop the job, if it has not switched to its release yet. Never begun: close the key, so that it cannot begin later.
lay_out
umask 077
note=
mkdir -p "$job" || refuse "deploy_path cannot be written"
me="pid=$$
born=$(born $$)
boot=$(boot)
at=$(now)
release=$RELEASE"

close() { # MESSAGE: the end receipt of a stopped job
    rm -rf "$state/tmp/$KEY"
    conclude aborted 143 <<END
outcome=aborted
rc=143
error=$1
at=$(now)
END
}

stop() { # end what runs of the job: ask, then force
    pid=$(get "$job/start" pid)
    for signal in TERM KILL; do
        tries=0
        while lives "$job"; do
            [ "$tries" -gt 0 ] || kill -s "$signal" -- "-$pid" 2>/dev/null
            tries=$((tries + 1))
            [ "$tries" -lt 30 ] || break
            nap
        done
    done
    ! lives "$job"
}

if [ -e "$job/end" ]; then
    note=ended
elif printf '%s\n' "$me" | once "$job/start"; then
    receipt "start $KEY $(now) release=$RELEASE aborted"
    close "aborted before it began"
    note=never
elif echo by=abort | once "$job/gate" || [ "$(get "$job/gate" by)" = abort ]; then
    if stop; then
        close "aborted before the switch"
        note=stopped # if it came to an end of its own just now, it was one without a switch
    else
        note=immortal
    fi
fi
report
echo "note=$note" >&2
