#!/usr/bin/env bash
# `callprint listen --audiosocket` behind an Asterisk on this machine.
#
#   bash tests/asterisk.sh [PROGRAM]
#
# PROGRAM: a callprint that is built already; else it is built. Wants Asterisk 18 or newer, which few releases of Debian have: where it is not
# installed, this says so and ends with status 0. It uses its own configuration and folders, so one that runs already is not
# disturbed. Takes three quarters of a minute.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/packages.sh

# What the corpus calls the script that is played.
readonly SCRIPT=dental-01 ROBOT=corpus/renderings/dental-01__taco.flac HUMAN=corpus/samples/human.flac
# Calls of each kind at the same time.
readonly CALLS=10
readonly ADDRESS=127.0.0.1:$((21000 + RANDOM % 9000))

if ! command -v asterisk >/dev/null; then
    printf '\n== Asterisk: SKIPPED: it is not installed\n'
    exit 0
fi
command -v flac >/dev/null || want_packages flac

WORK=$(mktemp -d)
chmod 755 "$WORK"
LISTENER=

clean_up() {
    local status=$?
    # Both end by themselves when asked; what is not there any more need not be asked.
    [[ -z $LISTENER ]] || kill "$LISTENER" 2>/dev/null || true
    in_asterisk "core stop now" >/dev/null 2>&1 || true
    wait
    if ((status != 0)); then
        for log in "$WORK"/*.log "$WORK"/*.jsonl; do
            [[ -s $log ]] && printf -- '--- %s\n' "${log##*/}" && tail -n 20 "$log"
        done
        printf 'tests/asterisk.sh: FAILED\n'
    fi >&2
    rm -rf "$WORK"
}
trap clean_up EXIT

passed() { printf 'ok: %s\n' "$*"; }

fail() {
    printf 'tests/asterisk.sh: %s\n' "$*" >&2
    exit 1
}

in_asterisk() { asterisk -C "$WORK/asterisk.conf" -rx "$*"; }

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || fail "$what did not happen in time"
        sleep 0.2
    done
}

# Raw samples, as Asterisk plays them.
to_sln() { flac --silent --decode --force-raw-format --endian=little --sign=signed -o "$2" "$1"; }

# The application in one extension, the channel driver in another; the UUID says who speaks and, at the end, by which number.
start_asterisk() {
    mkdir "$WORK"/{etc,lib,run,log,spool}
    cat >"$WORK/asterisk.conf" <<CONFIG
[directories]
astetcdir => $WORK/etc
astvarlibdir => $WORK/lib
astdbdir => $WORK/lib
astspooldir => $WORK/spool
astrundir => $WORK/run
astlogdir => $WORK/log
CONFIG
    cat >"$WORK/etc/modules.conf" <<CONFIG
[modules]
autoload=no
load=pbx_config.so
load=app_playback.so
load=app_verbose.so
load=app_dial.so
load=res_clioriginate.so
load=bridge_simple.so
load=format_pcm.so
load=format_sln.so
load=res_audiosocket.so
load=app_audiosocket.so
load=chan_audiosocket.so
CONFIG
    cat >"$WORK/etc/extensions.conf" <<CONFIG
[speaks]
exten => robot,1,Answer()
 same => n,Playback($WORK/robot)
exten => human,1,Answer()
 same => n,Playback($WORK/human)
[screens]
exten => _X.,1,Answer()
 same => n,AudioSocket(00000000-0000-4000-8000-\${EXTEN},$ADDRESS)
 same => n,Log(NOTICE,screened \${EXTEN})
[dials]
exten => _X.,1,Answer()
 same => n,Dial(AudioSocket/$ADDRESS/00000000-0000-4000-8000-\${EXTEN},30)
CONFIG
    asterisk -f -g -n -C "$WORK/asterisk.conf" >"$WORK/asterisk.log" 2>&1 </dev/null &
    wait_for 30 "Asterisk's start" in_asterisk "core waitfullybooted"
}

# call SPEAKER CONTEXT NUMBER
call() { in_asterisk "channel originate Local/$1@speaks extension $(printf '%012d' "$3")@$2" >/dev/null; }

# listen EVENTS OPTION...
listen() {
    local events=$1
    shift
    "$PROGRAM" listen --audiosocket "$ADDRESS" "$@" >"$events" 2>"$WORK/listen.log" &
    LISTENER=$!
    wait_for 10 "the start of callprint listen" grep -q listening "$WORK/listen.log"
}

stop_listening() {
    kill -TERM "$LISTENER"
    wait "$LISTENER" || fail "callprint listen ended with status $?"
    LISTENER=
}

# of_type EVENTS TYPE FIRST LAST: how many events of a type calls with these numbers have.
of_type() {
    local pattern
    pattern=$(seq -f '%012g' -s '\|' "$3" "$4")
    grep "\"call\":\"[^\"]*\\($pattern\\)\"" "$1" | grep -c "\"type\":\"$2\"" || true
}

# have EVENTS TYPE FIRST LAST: whether each of these calls has such an event.
have() { (($(of_type "$@") == $4 - $3 + 1)); }

many_calls() {
    local events=$WORK/many.jsonl number
    listen "$events"
    for number in $(seq "$CALLS"); do
        call robot screens "$number"
        call human screens $((100 + number))
    done
    call robot dials 200
    wait_for 40 "the end of the robots' calls" have "$events" ended 1 "$CALLS"
    wait_for 40 "the end of the people's calls" have "$events" ended 101 $((100 + CALLS))
    wait_for 40 "the end of the call through the channel driver" have "$events" ended 200 200
    stop_listening
    have "$events" match 1 "$CALLS" || fail "$(of_type "$events" match 1 "$CALLS") matches in $CALLS calls by a robot"
    have "$events" match 200 200 || fail "no match through the channel driver"
    [[ $(grep '"type":"match"' "$events" | grep -o '"script":"[^"]*"' | sort -u) == "\"script\":\"$SCRIPT\"" ]] || fail "another script than $SCRIPT was named"
    (($(of_type "$events" match 101 $((100 + CALLS))) == 0)) || fail "a person matched"
    # The person's recording has 15.7 s: Asterisk gives up after 2 s on who does not answer with audio.
    (($(grep '"type":"ended"' "$events" | grep -c '"at":15\.') == CALLS)) || fail "a person's call was not heard to its end"
    passed "$CALLS robots are named and $CALLS people are not, through the application; a robot through the channel driver"
}

hang_up() {
    local events=$WORK/hang-up.jsonl
    listen "$events" --hang-up-far 0.01
    call robot screens 1
    wait_for 20 "the end of the call" have "$events" ended 1 1
    wait_for 5 "the next step of the dialplan" grep -q "screened 000000000001" "$WORK/asterisk.log"
    grep '"type":"ended"' "$events" | grep -q '"reason":"matched"' || fail "the call was not hung up for its match"
    stop_listening
    passed "with --hang-up-far the call is back in the dialplan when the script is named"
}

PROGRAM=${1:-target/release/callprint}
(($#)) || cargo build --locked --release -p callprint --bin callprint
printf '\n== Asterisk: callprint listen --audiosocket\n'
to_sln "$ROBOT" "$WORK/robot.sln"
to_sln "$HUMAN" "$WORK/human.sln"
start_asterisk
many_calls
hang_up
printf '== Asterisk: all passed in %d s, %s\n' "$SECONDS" "$(asterisk -V)"
