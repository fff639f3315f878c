// SPDX-License-Identifier: GPL-2.0-or-later
/* Bytes over AF_VSOCK: vsock-cat listen PORT, or vsock-cat CID PORT. */
/*
 * The listener sends one client's bytes back and ends with it. The other end
 * sends its standard input and prints what comes back.
 */
#include <linux/vm_sockets.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int copy(int from, int to)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, (size_t)n) != n)
			return fail("write");
	return n ? fail("read") : 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_vm sa = { .svm_family = AF_VSOCK };
	int fd = socket(AF_VSOCK, SOCK_STREAM, 0), client;

	if (argc != 3 || fd < 0)
		return fail("socket");
	sa.svm_port = (unsigned int)atoi(argv[2]);
	if (!strcmp(argv[1], "listen")) {
		sa.svm_cid = VMADDR_CID_ANY;
		if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) ||
		    listen(fd, 1))
			return fail("bind");
		client = accept(fd, NULL, NULL);
		return client < 0 ? fail("accept") : copy(client, client);
	}
	sa.svm_cid = (unsigned int)atoi(argv[1]);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)))
		return fail("connect");
	if (copy(0, fd) || shutdown(fd, SHUT_WR))
		return 1;
	return copy(fd, 1);
}
