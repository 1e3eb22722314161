// The calls of the system that may fail, before libc's own.
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstdarg>

#include "fail_nth.hpp"

namespace {

using torture::fails;
using torture::kCalls;
using torture::page;
using torture::refuse;

// A socket, or one of the kernel's own: eventfd, epoll, timerfd.
bool is_ours(int fd) {
  if (page->kind.load(std::memory_order_relaxed) != kCalls) return false;
  const int before = errno;
  struct stat about;
  const bool known = fstat(fd, &about) == 0;
  errno = before;
  return known && (S_ISSOCK(about.st_mode) || (about.st_mode & S_IFMT) == 0);
}

bool fails_on(int fd, const char* what) { return is_ours(fd) && fails(kCalls, what); }

}  // namespace

extern "C" {

ssize_t read(int fd, void* into, std::size_t size) {
  NEXT(read)
  if (fails_on(fd, "read")) return refuse(ECONNRESET, EINTR);
  return real(fd, into, size);
}

ssize_t readv(int fd, const iovec* into, int count) {
  NEXT(readv)
  if (fails_on(fd, "readv")) return refuse(ECONNRESET, EINTR);
  return real(fd, into, count);
}

ssize_t write(int fd, const void* from, std::size_t size) {
  NEXT(write)
  if (fails_on(fd, "write")) return refuse(EPIPE, EINTR);
  return real(fd, from, size);
}

ssize_t writev(int fd, const iovec* from, int count) {
  NEXT(writev)
  if (fails_on(fd, "writev")) return refuse(EPIPE, EINTR);
  return real(fd, from, count);
}

ssize_t recv(int fd, void* into, std::size_t size, int flags) {
  NEXT(recv)
  if (fails_on(fd, "recv")) return refuse(ECONNRESET, EINTR);
  return real(fd, into, size, flags);
}

ssize_t recvmsg(int fd, msghdr* into, int flags) {
  NEXT(recvmsg)
  if (fails_on(fd, "recvmsg")) return refuse(ECONNRESET, EINTR);
  return real(fd, into, flags);
}

ssize_t send(int fd, const void* from, std::size_t size, int flags) {
  NEXT(send)
  if (fails_on(fd, "send")) return refuse(ECONNRESET, EINTR);
  return real(fd, from, size, flags);
}

ssize_t sendmsg(int fd, const msghdr* from, int flags) {
  NEXT(sendmsg)
  if (fails_on(fd, "sendmsg")) return refuse(ECONNRESET, EINTR);
  return real(fd, from, flags);
}

int connect(int fd, const sockaddr* to, socklen_t size) {
  NEXT(connect)
  if (fails_on(fd, "connect")) return refuse(ENETUNREACH, EADDRNOTAVAIL);
  return real(fd, to, size);
}

// A connection that was aborted is gone from the queue; for one that finds no room it stays.
int accept(int fd, sockaddr* from, socklen_t* size) {
  NEXT(accept)
  const bool fail = fails_on(fd, "accept");
  if (fail && page->soft == 0) return refuse(EMFILE, 0);
  const int taken = real(fd, from, size);
  if (!fail || taken < 0) return taken;
  close(taken);
  return refuse(0, ECONNABORTED);
}

int accept4(int fd, sockaddr* from, socklen_t* size, int flags) {
  NEXT(accept4)
  const bool fail = fails_on(fd, "accept4");
  if (fail && page->soft == 0) return refuse(EMFILE, 0);
  const int taken = real(fd, from, size, flags);
  if (!fail || taken < 0) return taken;
  close(taken);
  return refuse(0, ECONNABORTED);
}

int socket(int domain, int type, int protocol) noexcept {
  NEXT(socket)
  if (fails(kCalls, "socket")) return refuse(EMFILE, ENOBUFS);
  return real(domain, type, protocol);
}

int setsockopt(int fd, int level, int name, const void* value, socklen_t size) noexcept {
  NEXT(setsockopt)
  if (fails_on(fd, "setsockopt")) return refuse(EINVAL, ENOMEM);
  return real(fd, level, name, value, size);
}

int getsockopt(int fd, int level, int name, void* value, socklen_t* size) noexcept {
  NEXT(getsockopt)
  if (fails_on(fd, "getsockopt")) return refuse(ENOBUFS, ENOMEM);
  return real(fd, level, name, value, size);
}

int getpeername(int fd, sockaddr* into, socklen_t* size) noexcept {
  NEXT(getpeername)
  if (fails_on(fd, "getpeername")) return refuse(ENOTCONN, ENOBUFS);
  return real(fd, into, size);
}

int shutdown(int fd, int how) noexcept {
  NEXT(shutdown)
  if (fails_on(fd, "shutdown")) return refuse(ENOTCONN, ENOTCONN);
  return real(fd, how);
}

// It is closed whatever is said, as on Linux.
int close(int fd) {
  NEXT(close)
  if (fails_on(fd, "close")) {
    real(fd);
    return refuse(EIO, EINTR);
  }
  return real(fd);
}

// Only what adds needs memory; a kernel doesn't fail to change what is there.
int epoll_ctl(int epoll, int what, int fd, epoll_event* event) noexcept {
  NEXT(epoll_ctl)
  if (what == EPOLL_CTL_ADD && fails(kCalls, "epoll_ctl")) return refuse(ENOMEM, ENOSPC);
  return real(epoll, what, fd, event);
}

int epoll_wait(int epoll, epoll_event* events, int most, int timeout) {
  NEXT(epoll_wait)
  if (fails(kCalls, "epoll_wait")) return refuse(EINTR, EINTR);
  return real(epoll, events, most, timeout);
}

int eventfd(unsigned int first, int flags) noexcept {
  NEXT(eventfd)
  if (fails(kCalls, "eventfd")) return refuse(EMFILE, ENOMEM);
  return real(first, flags);
}

int timerfd_create(clockid_t clock, int flags) noexcept {
  NEXT(timerfd_create)
  if (fails(kCalls, "timerfd_create")) return refuse(EMFILE, ENOMEM);
  return real(clock, flags);
}

int open(const char* path, int flags, ...) {
  NEXT(open)
  va_list rest;
  va_start(rest, flags);
  const auto mode = static_cast<mode_t>((flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, int) : 0);
  va_end(rest);
  if (fails(kCalls, "open")) return refuse(EMFILE, EINTR);
  return real(path, flags, mode);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* how, void* (*run)(void*), void* with) noexcept {
  NEXT(pthread_create)
  if (fails(kCalls, "pthread_create")) return EAGAIN;
  return real(thread, how, run, with);
}

}  // extern "C"
