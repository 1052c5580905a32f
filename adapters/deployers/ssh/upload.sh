IFS= read -r part && umask 077 && cat >"$part" && sha256sum <"$part"
