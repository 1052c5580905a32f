# What the remote scripts share. POSIX sh with the usual tools (coreutils or busybox) on Linux. Names in capitals are values from
# the control plane, assigned above this text. State lives in DEPLOY_PATH/.tiangong:
#   jobs/KEY/start, end   receipts: made once, whole, by a hard link, and never changed (closing: an end that is being noted)
#   jobs/KEY/gate         who came first: the switch to the release, or an abort
#   jobs/KEY/command      the restart that runs; jobs/KEY/output: what the job printed
#   turns/N               the key of the Nth job that had the host to itself; the highest N has it now, if it still lives
#   releases/NAME         digest, application and turn of a release folder; artifacts/SHA256: packages
#   receipts              one line for each start and end, for people
set -u
state=$DEPLOY_PATH/.tiangong
job=$state/jobs/$KEY

refuse() { # MESSAGE: nothing was begun
    printf '%s\n' "$1" >&2
    exit 9
}

now() { date -u +%Y-%m-%dT%H:%M:%SZ; }

lay_out() { # the folders; those of the releases are for everybody to read, ours are not
    mkdir -p "$DEPLOY_PATH/releases" "$state" || refuse "deploy_path cannot be used"
    chmod 700 "$state" || refuse "deploy_path belongs to another user"
    (cd "$state" && mkdir -p jobs artifacts releases turns tmp && : >>receipts) || refuse "deploy_path cannot be written"
}

nap() { sleep "${1-0.1}" 2>/dev/null || sleep 1; } # [SECONDS]; some sleep whole seconds only

get() { sed -n "s/^$2=//p" "$1" 2>/dev/null | head -n 1; } # FILE NAME

once() { # FILE: keep standard input as FILE, whole, unless there is one; false if there was
    cat >"$job/new.$$" && ln "$job/new.$$" "$1" 2>/dev/null
    set -- $?
    rm -f "$job/new.$$"
    return "$1"
}

receipt() { printf '%s\n' "$1" >>"$state/receipts"; }

noted() { awk -v w="$1" -v k="$KEY" '$1 == w && $2 == k { n++ } END { exit !n }' "$state/receipts"; } # start|end

conclude() { # OUTCOME RC: the end receipt, from standard input. Decided once, then noted, then shown: who sees the end finds the note.
    once "$job/closing" || return
    receipt "end $KEY $2 $1 $(now) release=$RELEASE"
    ln "$job/closing" "$job/end"
}

heal() { # a job that was killed between two of these steps: take the rest of them, once
    : | once "$job/healed" || return
    noted start || receipt "start $KEY $(get "$job/start" at) release=$RELEASE"
    [ -e "$job/closing" ] || return
    noted end || receipt "end $KEY $(get "$job/closing" rc) $(get "$job/closing" outcome) $(now) release=$RELEASE"
    ln "$job/closing" "$job/end"
} 2>/dev/null

boot() { cat /proc/sys/kernel/random/boot_id 2>/dev/null; }

born() { # PID: when it was started, as the kernel counts; nothing if it is gone or a zombie
    set -- "$(cat "/proc/$1/stat" 2>/dev/null)"
    # shellcheck disable=SC2086 # the name in brackets may hold anything; after it stand single words
    set -- ${1##*")"}
    case ${1-Z} in Z | X) ;; *) printf '%s\n' "${20}" ;; esac
}

same() { # FILE: does the process that FILE names still run? A later one with its number is another.
    set -- "$(get "$1" born)" "$(born "$(get "$1" pid)")"
    [ -n "$2" ] && [ "$1" = "$2" ]
}

group() { # PID: does anything run in the process group that PID led?
    cat /proc/[0-9]*/stat 2>/dev/null | sed 's/^.*) //' | awk -v g="$1" '$3 == g && $1 !~ /[ZX]/ { n++ } END { exit !n }'
}

lives() { # JOB FOLDER: does the job, or the command it waits for, still run? What a command left in the background is not the job.
    [ -e "$1/start" ] && [ "$(get "$1/start" boot)" = "$(boot)" ] || return 1
    same "$1/start" && return 0
    [ -e "$1/command" ] && same "$1/command" && return 0
    [ -z "$(born "$(get "$1/start" pid)")" ] && group "$(get "$1/start" pid)"
}

service() { # what the service manager says of SERVICE, if there are both
    [ -n "$SERVICE" ] || return 0
    command -v systemctl >/dev/null 2>&1 || { echo "no systemctl"; return; }
    systemctl is-active -- "$SERVICE" 2>&1 | head -n 1
}

report() { # the job as it is, to standard error
    if [ -e "$job/end" ]; then set -- ended
    elif [ ! -e "$job/start" ]; then set -- absent
    elif lives "$job"; then set -- running
    else
        [ -e "$job/end" ] || heal
        if [ -e "$job/end" ] || [ -e "$job/closing" ]; then set -- ended; else set -- gone; fi
    fi
    printf '%s\n' "--- $NONCE" "state=$1" "current=$(readlink "$DEPLOY_PATH/current")" "service=$(service)"
    [ "$1" != ended ] || sed "s/^/end./" "$job/closing"
} >&2
