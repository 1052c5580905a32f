# Before a job begins: is the host fit for it, is the key new, is the package here? Changes nothing but folders of our own.
for tool in setsid sha256sum tar gzip awk sed find readlink; do
    command -v "$tool" >/dev/null 2>&1 || refuse "the host lacks the program $tool"
done
[ -n "$(born $$)" ] || refuse "the host has no /proc: only Linux hosts can be deployed to"
if [ ! -e "$job/start" ]; then
    lay_out
    if [ -e "$DEPLOY_PATH/current" ] && [ ! -L "$DEPLOY_PATH/current" ]; then
        refuse "$DEPLOY_PATH/current is not a link: move it away, a release will take its name"
    fi
fi
report
if [ -f "$state/artifacts/$SHA" ] && touch "$state/artifacts/$SHA"; then
    echo "have=yes" >&2
fi
