# Pass on the job's output from byte OFFSET, until the job is over (ONCE=yes: only what is there), then report.
[ ! -e "$state" ] || [ -x "$state" ] || refuse "deploy_path belongs to another user"
offset=$OFFSET
rounds=0
over=
while :; do
    [ ! -e "$job/end" ] && [ "$ONCE" != yes ] || over=yes # looked at before the output: what was printed before the end is read
    size=$(wc -c 2>/dev/null <"$job/output") || size=0
    if [ "$size" -gt "$offset" ]; then
        tail -c "+$((offset + 1))" "$job/output" | head -c "$((size - offset))"
        offset=$((size))
    fi
    [ -z "$over" ] || break
    rounds=$((rounds + 1))
    if [ $((rounds % 10)) = 0 ]; then
        echo . >&2 # a follower whose connection is gone ends here
        lives "$job" || over=yes
    fi
    if [ "$rounds" -lt 40 ]; then nap 0.05; else nap 0.2; fi
done
report
