// What sending costs without anything else: answers `GET /BYTES` with so many bytes, which are always the same 64 KiB of memory.
// One thread, epoll, as nginx does it, but copied by the system and not handed over from a file.
//
//   write PORT
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { CHUNK = 64 * 1024 };

struct connection {
    int fd;
    long left;
};

int main(int count, char **arguments) {
    if (count != 2) return 2;
    static char chunk[CHUNK], request[4096], head[128];
    memset(chunk, 'x', CHUNK);
    signal(SIGPIPE, SIG_IGN);

    int yes = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), poll = epoll_create1(0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 64)) return perror("listen"), 1;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);

    for (;;) {
        if (epoll_wait(poll, &event, 1, -1) != 1) continue;
        struct connection *on = event.data.ptr;
        if (!on) {
            on = calloc(1, sizeof *on);
            on->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
            setsockopt(on->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            event = (struct epoll_event){.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = on};
            epoll_ctl(poll, EPOLL_CTL_ADD, on->fd, &event);
            continue;
        }
        long got = read(on->fd, request, sizeof request - 1);
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            close(on->fd);
            free(on);
            continue;
        }
        if (got > 0) {
            request[got] = 0;
            on->left = got > 5 ? atol(request + 5) : 0;
            int head_length = sprintf(head, "HTTP/1.1 200 OK\r\nContent-Length: %ld\r\n\r\n", on->left);
            send(on->fd, head, head_length, MSG_MORE);
        }
        while (on->left > 0) {
            long sent = write(on->fd, chunk, on->left < CHUNK ? on->left : CHUNK);
            if (sent < 0) break;
            on->left -= sent;
        }
    }
}
