# How the host is: for the health check of an environment and for the list of services.
missing=
for tool in setsid sha256sum tar gzip awk sed find readlink; do
    command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
done
folder=$DEPLOY_PATH
while [ ! -e "$folder" ]; do
    folder=${folder%/*}
    folder=${folder:-/}
done
if [ -d "$folder" ] && [ -w "$folder" ]; then set -- yes; else set -- no; fi
link=$(readlink "$DEPLOY_PATH/current")
[ -n "$link" ] && [ ! -d "$DEPLOY_PATH/current" ] && link=
printf '%s\n' "--- $NONCE" "missing=$missing" "writable=$1" "folder=$folder" "current=$link" >&2
if [ -n "$SERVICE" ]; then
    printf 'service=%s\n' "$(service)" >&2
    if command -v systemctl >/dev/null 2>&1; then
        pid=$(systemctl show --property=MainPID -- "$SERVICE" 2>/dev/null | sed -n 's/^MainPID=//p')
        case ${pid:-0} in 0) ;; *) printf '%s\n' "pid=$pid" "uptime=$(ps -o etime= -p "$pid" 2>/dev/null | tr -d ' ')" >&2 ;; esac
    fi
fi
