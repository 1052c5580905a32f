# Begin the job, detached from this connection, unless it has begun. The script that follows its output comes after this one.
if [ ! -e "$job/start" ]; then
    umask_before=$(umask)
    umask 077
    mkdir -p "$job" || refuse "deploy_path cannot be written"
    if [ -n "$PART" ]; then
        mv -f "$PART" "$state/artifacts/$SHA" || refuse "deploy_path cannot be written"
    fi
    printf '%s\n' "umask $umask_before" "$ORDER" >"$job/run.$$" || refuse "deploy_path cannot be written"
    setsid sh "$job/run.$$" </dev/null >>"$job/output" 2>&1 &
    child=$!
    tries=0
    until [ -e "$job/start" ]; do
        [ -n "$(born "$child")" ] || [ -e "$job/start" ] || refuse "the job did not start: $(tail -n 3 "$job/output")"
        tries=$((tries + 1))
        [ "$tries" -lt 500 ] || { echo "the job did not start in time" >&2; exit 8; } # it may yet
        nap 0.02
    done
fi
