# The deployment of one release on this host. It runs detached, in a session and process group of its own, so that neither a cut
# connection nor a dead control plane stops it half-way; what it prints goes to jobs/KEY/output.
deadline=$(($(date +%s) + LIMIT))
release=$DEPLOY_PATH/releases/$RELEASE
marker=$state/releases/$RELEASE
previous=
switched=no
late=no

say() { printf '%s\n' "tiangong: $1"; }

finish() { # OUTCOME RC ERROR: the end receipt, and the end
    rm -rf "$state/tmp/$KEY"
    conclude "$1" "$2" <<END
outcome=$1
rc=$2
error=$3
switched=$switched
previous=$previous
at=$(now)
END
    exit 0
}

fail() { # RC ERROR
    say "$2"
    finish failed "$1" "$2"
}

over() { # KEY: is the job of that turn over?
    [ -e "$state/jobs/$1/end" ] || ! lives "$state/jobs/$1"
}

take_turn() { # jobs have the host to themselves, one after the other: a turn ends with its job, so there is no lock to leave behind
    waiting=
    while :; do
        last=$(ls "$state/turns" | sort -n | tail -n 1)
        holder=
        [ -z "$last" ] || holder=$(cat "$state/turns/$last" 2>/dev/null)
        if [ -z "$holder" ] || over "$holder"; then
            turn=$((${last:-0} + 1))
            if printf '%s\n' "$KEY" | once "$state/turns/$turn"; then
                [ "$(ls "$state/turns" | sort -n | tail -n 1)" = "$turn" ] && break
                rm -f "$state/turns/$turn" # we looked long ago: others have been here, and a later turn holds
            fi
        elif [ "$waiting" != "$holder" ]; then
            say "waiting for $holder, which is deploying to this host"
            waiting=$holder
        fi
        [ "$(date +%s)" -lt "$deadline" ] || fail 75 "the host was not free in time (${holder:-nobody} has it)"
        nap
    done
    for number in $(ls "$state/turns"); do
        [ "$number" -ge "$turn" ] || rm -f "$state/turns/$number"
    done
}

unpack() { # FOLDER
    if [ "$UNPACK" = yes ]; then
        (cd "$1" && tar -xzof -) <"$state/artifacts/$SHA" # tar reads more than a name into a name with colons or backslashes
    else
        cp "$state/artifacts/$SHA" "$1/$FILE" && chmod 755 "$1/$FILE"
    fi
}

look_back() { # which release was current before this one
    previous=$(readlink "$DEPLOY_PATH/current")
    previous=${previous#releases/}
    [ -z "$previous" ] || set -- "$(get "$state/releases/$previous" application)"
    case ${1-} in '' | "$APPLICATION") ;; *) # a second one would silently take the first one's place
        fail 73 "$previous, which is current, is another application's: give this one an environment with a deploy_path of its own, or remove the link" ;;
    esac
    [ "$previous" != "$RELEASE" ] || previous=$(get "$marker" previous)
}

mark() {
    printf '%s\n' "sha=$SHA" "application=$APPLICATION" "turn=$turn" "previous=$previous" >"$job/mark" && mv -f "$job/mark" "$marker"
}

install_release() { # the folder appears under its name when it is whole, not before
    if [ -e "$release" ] && [ "$(get "$marker" application)" != "$APPLICATION" ]; then
        fail 73 "releases/$RELEASE is there and is not this application's: give each application a deploy_path of its own"
    fi
    if [ -d "$release" ] && [ "$(get "$marker" sha)" = "$SHA" ]; then
        say "release $RELEASE is unpacked already"
        mark || fail 74 "the release could not be written"
        return
    fi
    new=$state/tmp/$KEY/new
    set -- $(sha256sum <"$state/artifacts/$SHA")
    if [ "${1-}" != "$SHA" ]; then
        rm -f "$state/artifacts/$SHA"
        fail 74 "the package on the host is missing or damaged: another attempt uploads it again"
    fi
    rm -rf "$state/tmp/$KEY" && mkdir -p "$new" || fail 74 "the release could not be written"
    if ! words=$(chmod 755 "$new" && unpack "$new" 2>&1); then
        rm -rf "$state/tmp/$KEY" # makes room for the words, and for the end receipt
        say "$(printf '%s\n' "$words" | tail -n 5)"
        fail 74 "the package could not be unpacked"
    fi
    [ ! -e "$release" ] || mv "$release" "$state/tmp/$KEY/old" || fail 74 "the former folder of this release could not be replaced"
    mark && mv "$new" "$release" || fail 74 "the release could not be written"
    say "release $RELEASE is unpacked"
}

switch() { # one rename: whoever looks sees the former release or this one
    printf '%s\n' by=switch "previous=$previous" | once "$job/gate" || finish aborted 143 "aborted before the switch"
    # `mv` onto a link to a folder would move into that folder: move a link of this name into deploy_path instead
    rm -f "$job/current"
    ln -s "releases/$RELEASE" "$job/current" && mv -f "$job/current" "$DEPLOY_PATH/" || fail 74 "the link to the release could not be switched"
    switched=yes
    say "current is $RELEASE"
}

limited() { # COMMAND...: run it in a session of its own. Its end counts, not what it leaves running in the background.
    setsid "$@" </dev/null &
    child=$!
    printf '%s\n' "pid=$child" "born=$(born "$child")" >"$job/command"
    watch >/dev/null 2>&1 &
    wait "$child"
    set -- $?
    rm -f "$job/command"
    [ ! -e "$job/late" ] || late=yes
    return "$1"
}

watch() { # stop the command, and all of its session, when the time is over
    while same "$job/command"; do
        if [ "$(date +%s)" -ge "$deadline" ]; then
            : >"$job/late"
            kill -s TERM -- "-$child"
            nap 3
            kill -s KILL -- "-$child"
            return
        fi
        nap 0.5
    done
}

restart() {
    cd "$DEPLOY_PATH/current" || fail 74 "$DEPLOY_PATH/current cannot be entered"
    if [ -n "$RESTART" ]; then
        what=restart_command
        limited sh -c "$RESTART"
    elif [ -z "$SERVICE" ]; then
        say "nothing to restart: neither restart_command nor service_name is set"
        return
    elif [ "$(id -u)" != 0 ] && command -v sudo >/dev/null 2>&1; then
        what="systemctl restart $SERVICE"
        limited sudo -n systemctl restart "$SERVICE"
    else
        what="systemctl restart $SERVICE"
        limited systemctl restart "$SERVICE"
    fi
    set -- $?
    [ "$late" = no ] || fail 124 "$what did not end in time and was stopped"
    [ "$1" = 0 ] || fail "$1" "$what ended with $1"
}

prune() { # keep the newest KEEP releases, this one and the one before it; folders that are not ours are left alone
    for marker in "$state"/releases/*; do
        [ ! -f "$marker" ] || printf '%s %s\n' "$(get "$marker" turn)" "${marker##*/}"
    done | sort -rn | {
        count=0
        while read -r _ name; do
            count=$((count + 1))
            [ "$count" -gt "$KEEP" ] && [ "$name" != "$RELEASE" ] && [ "$name" != "$previous" ] || continue
            rm -rf "$DEPLOY_PATH/releases/$name" && rm -f "$state/releases/$name" && say "release $name is removed"
        done
    }
    find "$state/artifacts" -type f -mmin +60 | while IFS= read -r file; do
        grep -qsx "sha=${file##*/}" "$state"/releases/* || rm -f "$file"
    done
    find "$state/jobs" -type f \( -name output -o -name 'run.*' \) -mtime +30 -exec rm -f {} +
}

once "$job/start" <<END || { rm -f "$0"; [ -e "$job/start" ] || say "the start receipt could not be written"; exit 0; }
pid=$$
born=$(born $$)
boot=$(boot)
at=$(now)
release=$RELEASE
END
receipt "start $KEY $(now) release=$RELEASE pid=$$"
take_turn
look_back
install_release
switch
restart
prune
finish succeeded 0 ""
