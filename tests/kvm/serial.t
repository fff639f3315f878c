#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The serial port: where output goes, input, and what happens at the ends of
# pipes. Slow readers are in serial_test.c, the terminal in terminal_test.c.
set -u
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
need_kvm

for ((i = 0; i < 8192; i++)); do printf '%07x\n' $i; done > "$tmp/flood"

guest flood
same "64_kib_of_output_arrive_whole" "$tmp/out" "$tmp/flood"

# With an end that the guest knows; every value but that.
{
	head -c 16384 /dev/urandom | tr -d '\004' | head -c 4096
} > "$tmp/typed"
{
	cat "$tmp/typed"
	printf '\004'
} | run_guest echo
{ echo ready && cat "$tmp/typed"; } > "$tmp/want"
same "4_kib_of_input_arrive_whole" "$tmp/out" "$tmp/want"
printf '\001x\004' | run_guest echo
is "ctrl_a_in_a_pipe_is_a_byte_like_others" "$(od -An -c "$tmp/out" | tail -n 1)" \
	"   r   e   a   d   y  \\n 001   x"

guest hello --serial "file=$tmp/log"
is "serial_file_gets_the_output" "$(< "$tmp/log")" hello
is "serial_file_leaves_stdout_empty" "$out" ""
guest hello --serial "file=$tmp/log"
is "serial_file_is_begun_anew" "$(< "$tmp/log")" hello

guest hello --serial null
is "serial_null_swallows_the_output" "$status:$out" "0:"

guest hello --serial "file=$tmp/no/such/dir"
is "serial_file_that_cannot_be_made_is_a_host_error" "$status" 3
like "serial_file_that_cannot_be_made_is_named" "$err" "$tmp/no/such/dir: open: No such file"

# This one reboots for ever.
run timeout 1 "$STRAIT" run --kernel "$guests/reset" --serial "file=$tmp/log" --cmdline port
[ "$(grep -c '^up$' "$tmp/log")" -gt 1 ]
result $? "serial_file_keeps_what_was_written_before_a_reboot"

echo old > "$tmp/log"
guest none --serial "file=$tmp/log"
is "refused_start_leaves_the_serial_file" "$status:$(< "$tmp/log")" 3:old
guest none --serial "file=$tmp/new"
is "refused_start_makes_no_serial_file" "$status:$(ls "$tmp/new" 2> /dev/null)" 3:
ln -s "$tmp/far" "$tmp/link"
guest hello --serial "file=$tmp/link"
is "serial_file_by_a_link_to_nothing_is_made" "$status:$(< "$tmp/far")" 0:hello

mkfifo "$tmp/fifo"
guest hello --serial "file=$tmp/fifo"
is "fifo_without_a_reader_is_a_host_error" "$status" 3
like "fifo_without_a_reader_gets_a_hint" "$err" "^hint: a FIFO needs its reader first"
cat "$tmp/fifo" > "$tmp/read" &
reader=$!
sleep 0.2
guest flood --serial "file=$tmp/fifo"
wait "$reader"
same "reader_of_a_fifo_gets_all" "$tmp/read" "$tmp/flood"

guest hello --serial file=/dev/full
is "full_disk_does_not_stop_the_guest" "$status" 0
like "full_disk_is_said" "$err" "^warning: serial: what the guest writes is lost: No space left"

# A reader that goes away early: nothing but its own end stops the guest.
run bash -c "set -o pipefail; '$STRAIT' run --kernel '$guests/flood' < /dev/null | head -n 1"
is "reader_that_goes_away_does_not_stop_the_guest" "$status:$out" 0:0000000

# A client comes, types, is answered, and goes; another comes after it.
# shellcheck disable=SC2016 # it is perl
client='use IO::Socket::UNIX; use IO::Handle;
	for (1 .. 100) { $s = IO::Socket::UNIX->new($ARGV[0]) and last; select undef, undef, undef, 0.05 }
	$s or die "no socket"; $s->print($ARGV[1]); $s->flush;
	alarm 20; while (length $got < $ARGV[2] && sysread $s, $b, 4096) { $got .= $b } print $got'
timeout -k 5 40 "$STRAIT" run --kernel "$guests/echo" --serial "socket=$tmp/sock" 2> "$tmp/err" &
strait=$!
perl -e "$client" "$tmp/sock" first 5 > "$tmp/client"
like "client_of_a_socket_is_answered" "$(< "$tmp/client")" 'first|ready'
perl -e "$client" "$tmp/sock" second 6 > "$tmp/client"
is "next_client_of_a_socket_is_answered" "$(< "$tmp/client")" second
run timeout 5 "$STRAIT" run --kernel "$guests/hello" --serial "socket=$tmp/sock"
is "socket_that_is_in_use_is_a_host_error" "$status" 3
perl -e "$client" "$tmp/sock" "$(printf '\004')" 0 > /dev/null
wait $strait
is "guest_ends_that_has_a_socket" "$?:$(ls "$tmp/sock" 2> /dev/null)" 0:
guest flood --serial "socket=$tmp/sock"
is "socket_without_a_client_holds_nobody_up" "$status" 0

# A terminal of its own: opened, typed into, read.
# shellcheck disable=SC2016
typist='open my $t, "+<", $ARGV[0] or die $!; syswrite $t, $ARGV[1]; alarm 20;
	while ($got !~ /$ARGV[2]/ && sysread $t, $b, 4096) { $got .= $b } print $got'
timeout -k 5 40 "$STRAIT" run --kernel "$guests/echo" --serial pty 2> "$tmp/err" &
strait=$!
for ((i = 0; i < 100; i++)); do
	pty=$(sed -n 's/^serial: //p' "$tmp/err")
	[ -z "$pty" ] || break
	sleep 0.05
done
perl -e "$typist" "$pty" "to the guest" "to the guest" > "$tmp/client"
like "terminal_is_answered" "$(tr '\n' ' ' < "$tmp/client")" "ready .*to the guest"
printf '\004' > "$pty"
wait $strait
is "guest_ends_that_has_a_terminal" "$?" 0
guest flood --serial pty
is "terminal_that_nobody_reads_holds_nobody_up" "$status" 0

# What strait opens must not be taken for its own input and output.
run bash -c "'$STRAIT' run --kernel '$guests/flood' <&- >&-"
is "guest_runs_with_stdin_and_stdout_closed" "$status" 0

done_testing
