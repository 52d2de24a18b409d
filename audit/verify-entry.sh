#!/bin/sh
# Verify one log entry offline, without the software that wrote it.
#
# usage: verify-entry.sh KEY-FILE ENTRY-FILE PROOF-FILE
#
#   KEY-FILE    verifier key of the log, one line "name+key id+base64" (C2SP signed-note). Take it from paper or from a
#               person you trust, never from the folder the other two files came in.
#   ENTRY-FILE  the entry, byte for byte as it was logged.
#   PROOF-FILE  its inclusion proof (C2SP tlog-proof v1), with the signed checkpoint of the log inside.
#
# exit status: 0 the log holds exactly this entry; 1 it does not, or a file is damaged; 2 the check could not be made.
#
# What is checked: the key id belongs to the key; the checkpoint is signed by the key (Ed25519, RFC 8032) and names the
# log of the key; the entry and the audit path lead to the signed root (SHA-256, RFC 6962; steps of RFC 9162 2.1.3.2).
# What is not: when the entry was made, and what the log held after this checkpoint.
#
# Needs a POSIX shell with awk and sed, xxd, and OpenSSL 3.

set -euf
LC_ALL=C
export LC_ALL

cannot() { echo "NOT CHECKED: $1" >&2; exit 2; }
refuse() { echo "NOT VERIFIED: $1" >&2; exit 1; }

[ $# -eq 3 ] || cannot "usage: verify-entry.sh KEY-FILE ENTRY-FILE PROOF-FILE"
for tool in openssl xxd awk sed; do
    command -v "$tool" >/dev/null 2>&1 || cannot "the program $tool is missing; install it"
done
for file in "$1" "$2" "$3"; do
    [ -f "$file" ] && [ -r "$file" ] || cannot "the file $file cannot be read"
done
key_file=$1 entry_file=$2 proof_file=$3

work=$(mktemp -d) || cannot "no temporary folder could be made"
trap 'rm -rf "$work"' EXIT
trap 'exit 2' HUP INT TERM

# --- small tools: everything binary is kept as hexadecimal text ------------------------------------

to_hex() { xxd -p | tr -d '\n'; }
sha256_of_hex() { xxd -r -p | openssl dgst -sha256 -binary | to_hex; }
base64_to_hex() { printf '%s' "$1" | openssl base64 -d -A 2>/dev/null | to_hex; }

# A whole number without leading zeros that shell arithmetic can hold.
is_number() {
    case $1 in
        '' | *[!0-9]* | 0?*) return 1 ;;
    esac
    [ ${#1} -le 18 ]
}

# is_signed PUBLIC-KEY-HEX SIGNATURE-HEX MESSAGE-FILE
is_signed() {
    # The fixed bytes say "Ed25519 public key follows" (RFC 8410 section 4).
    printf '302a300506032b6570032100%s' "$1" | xxd -r -p >"$work/key.der"
    printf '%s' "$2" | xxd -r -p >"$work/signature"
    openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/key.der" -rawin -in "$3" \
        -sigfile "$work/signature" >/dev/null 2>&1
}

# --- 1. can this computer verify Ed25519 at all? (RFC 8032 section 7.1, test 2) --------------------

printf '\162' >"$work/message"
is_signed 3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c \
    92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00 \
    "$work/message" || cannot "this openssl cannot verify Ed25519; install OpenSSL 3"

# --- 2. the key ------------------------------------------------------------------------------------

key=$(cat "$key_file")
name=${key%%+*}
rest=${key#*+}
key_id=${rest%%+*}
[ -n "$name" ] && [ "$rest" != "$key" ] && [ "$key_id" != "$rest" ] || refuse "the key file is not 'name+key id+base64'"
typed_key=$(base64_to_hex "${rest#*+}")
public_key=${typed_key#01}
[ ${#typed_key} -eq 66 ] && [ "$public_key" != "$typed_key" ] || refuse "the key is not a plain Ed25519 key"
named_key=$(printf '%s\n' "$name" | to_hex)$typed_key
computed=$(printf '%s' "$named_key" | sha256_of_hex | cut -c 1-8)
[ "$computed" = "$key_id" ] || refuse "the key id does not belong to the key; the key file is damaged"

# --- 3. the proof file: a head, one empty line, then the checkpoint --------------------------------

awk '/^$/ { exit } { print }' "$proof_file" >"$work/head"
awk 'inside { print } /^$/ { inside = 1 }' "$proof_file" >"$work/checkpoint"
[ "$(sed -n 1p "$work/head")" = "c2sp.org/tlog-proof@v1" ] || refuse "the proof file is not a C2SP tlog-proof v1 file"
# A line of extra data may come first; nothing vouches for it, so it is skipped.
awk 'NR == 1 { next } NR == 2 && /^extra / { next } { print }' "$work/head" >"$work/path"
index=$(sed -n '1s/^index //p' "$work/path")
is_number "$index" || refuse "the proof file has no proper index line"
[ -z "$(awk 'NR > 1 && (length($0) != 44 || /[^A-Za-z0-9+\/=]/)' "$work/path")" ] ||
    refuse "a line of the audit path is not a base64 hash"

# --- 4. the checkpoint: origin, size, root, an empty line, signatures ------------------------------

sed -n 1,3p "$work/checkpoint" >"$work/text"
origin=$(sed -n 1p "$work/text")
size=$(sed -n 2p "$work/text")
root=$(base64_to_hex "$(sed -n 3p "$work/text")")
[ -n "$(sed -n 3p "$work/text")" ] && [ -z "$(sed -n 4p "$work/checkpoint")" ] ||
    refuse "the checkpoint does not have three lines above its signatures"
is_number "$size" || refuse "the size in the checkpoint is not a number"
[ ${#root} -eq 64 ] || refuse "the root hash in the checkpoint is not 32 bytes"
[ "$origin" = "$name" ] || refuse "the checkpoint is of the log '$origin', the key of '$name'"

# Signature lines begin with an em dash. Lines of other keys (witnesses) are not ours to judge.
line_start=$(printf '\342\200\224 %s ' "$name")
signatures=$(START=$line_start awk 'NR > 4 && NF == 3 && index($0, ENVIRON["START"]) == 1 {
    print substr($0, length(ENVIRON["START"]) + 1) }' "$work/checkpoint")
signed=no
for encoded in $signatures; do
    signature=$(base64_to_hex "$encoded")
    case $signature in
        "$key_id"*) ;;
        *) continue ;;
    esac
    is_signed "$public_key" "${signature#"$key_id"}" "$work/text" ||
        refuse "the signature on the checkpoint is wrong; it was altered or signed by another key"
    signed=yes
done
[ "$signed" = yes ] || refuse "the checkpoint carries no signature by the key of '$name'"

# --- 5. from the entry along the audit path to the root --------------------------------------------

[ "$index" -lt "$size" ] || refuse "the index $index lies outside the log of $size entries"
hash=$({ printf '\000'; cat "$entry_file"; } | openssl dgst -sha256 -binary | to_hex)
first=$index
last=$((size - 1))
for encoded in $(sed 1d "$work/path"); do
    sibling=$(base64_to_hex "$encoded")
    [ ${#sibling} -eq 64 ] || refuse "a hash in the audit path is not 32 bytes"
    [ "$last" -gt 0 ] || refuse "the audit path is too long"
    if [ $((first % 2)) -eq 1 ] || [ "$first" -eq "$last" ]; then
        hash=$(printf '01%s%s' "$sibling" "$hash" | sha256_of_hex)
        # On the ragged right edge of the tree, levels without a sibling are passed over.
        while [ $((first % 2)) -eq 0 ] && [ "$first" -gt 0 ]; do
            first=$((first / 2))
            last=$((last / 2))
        done
    else
        hash=$(printf '01%s%s' "$hash" "$sibling" | sha256_of_hex)
    fi
    first=$((first / 2))
    last=$((last / 2))
done
[ "$last" -eq 0 ] || refuse "the audit path is too short"
[ "$hash" = "$root" ] || refuse "the entry is not the one the log holds at index $index"

echo "VERIFIED: entry $index of $size in the log $origin"
