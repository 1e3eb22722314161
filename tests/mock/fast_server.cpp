#include "tests/mock/fast_server.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "tests/mock/fast_answers.hpp"

namespace farebox::mock {

namespace {

using Clock = std::chrono::steady_clock;

struct Client {
  int socket = -1;
  std::uint64_t serial = 0;               // tells a reused descriptor from its predecessor
  std::string inbox;
  const PreparedAnswer* answer = nullptr;  // being sent
  std::size_t write = 0;                   // index into its writes
  std::size_t offset = 0;                  // within that write
  bool blocked = false;                    // waits for room in the socket
};

struct Due {
  Clock::time_point when;
  int socket;
  std::uint64_t serial;
};

class FastServer {
 public:
  FastServer(int listener, std::chrono::microseconds gap)
      : listener_(listener), gap_(gap), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    fcntl(listener_, F_SETFL, fcntl(listener_, F_GETFL) | O_NONBLOCK);
    watch(listener_, EPOLLIN, EPOLL_CTL_ADD);
  }

  void run() {
    std::array<epoll_event, 256> events;
    while (true) {
      const bool wait = due_.empty();
      if (!wait) sleep_until_due();
      const int n = epoll_wait(epoll_, events.data(), events.size(), wait ? -1 : 0);
      for (int i = 0; i < n; ++i) handle(events[static_cast<std::size_t>(i)]);
      write_due();
    }
  }

 private:
  void watch(int socket, std::uint32_t events, int operation) {
    epoll_event event{};
    event.events = events;
    event.data.fd = socket;
    epoll_ctl(epoll_, operation, socket, &event);
  }

  // epoll_wait counts in milliseconds; poll its descriptor for finer ones.
  void sleep_until_due() {
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(
        due_.front().when - Clock::now());
    if (left.count() <= 0) return;
    const timespec most{static_cast<time_t>(left.count() / 1'000'000'000),
                        static_cast<long>(left.count() % 1'000'000'000)};
    pollfd waiting{epoll_, POLLIN, 0};
    ppoll(&waiting, 1, &most, nullptr);
  }

  void handle(const epoll_event& event) {
    if (event.data.fd == listener_) return accept_all();
    const auto found = clients_.find(event.data.fd);
    if (found == clients_.end()) return;
    Client& client = *found->second;
    if ((event.events & (EPOLLHUP | EPOLLERR)) != 0) return drop(client);
    if ((event.events & EPOLLOUT) != 0 && client.blocked) {
      client.blocked = false;
      watch(client.socket, EPOLLIN | EPOLLRDHUP, EPOLL_CTL_MOD);
      if (!send_more(client)) return;
    }
    if ((event.events & EPOLLIN) != 0) receive(client);
  }

  void accept_all() {
    while (true) {
      const int socket = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (socket < 0) return;
      const int on = 1;
      setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      auto client = std::make_unique<Client>();
      client->socket = socket;
      client->serial = ++serial_;
      clients_[socket] = std::move(client);
      watch(socket, EPOLLIN | EPOLLRDHUP, EPOLL_CTL_ADD);
    }
  }

  void drop(Client& client) {
    const int socket = client.socket;
    close(socket);
    clients_.erase(socket);
  }

  void receive(Client& client) {
    std::array<char, 65536> room;
    const ssize_t n = recv(client.socket, room.data(), room.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return drop(client);
    client.inbox.append(room.data(), static_cast<std::size_t>(n));
    answer_waiting(client);
  }

  // Answers what has come whole, one request after the other.
  bool answer_waiting(Client& client) {
    while (client.answer == nullptr) {
      const FastRequest request = find_request(client.inbox);
      if (request.size == 0) return true;
      client.answer = &prepared_answer(request.kind);
      client.write = client.offset = 0;
      client.inbox.erase(0, request.size);
      if (!send_more(client)) return false;
    }
    return true;
  }

  // False if the client is gone.
  bool send_more(Client& client) {
    while (client.answer != nullptr) {
      const std::string_view octets = client.answer->writes[client.write];
      const ssize_t n = send(client.socket, octets.data() + client.offset,
                             octets.size() - client.offset, MSG_NOSIGNAL);
      if (n < 0 && errno == EAGAIN) return block(client);
      if (n < 0) {
        drop(client);
        return false;
      }
      client.offset += static_cast<std::size_t>(n);
      if (client.offset < octets.size()) continue;
      client.offset = 0;
      if (++client.write == client.answer->writes.size()) {
        client.answer = nullptr;
        return client.inbox.empty() || answer_waiting(client);
      }
      if (gap_.count() > 0) {
        due_.push_back({Clock::now() + gap_, client.socket, client.serial});
        return true;
      }
    }
    return true;
  }

  bool block(Client& client) {
    client.blocked = true;
    watch(client.socket, EPOLLIN | EPOLLOUT | EPOLLRDHUP, EPOLL_CTL_MOD);
    return true;
  }

  // All gaps are equal, so what was queued first is due first.
  void write_due() {
    const auto now = Clock::now();
    while (!due_.empty() && due_.front().when <= now) {
      const Due due = due_.front();
      due_.pop_front();
      const auto found = clients_.find(due.socket);
      if (found != clients_.end() && found->second->serial == due.serial) {
        send_more(*found->second);
      }
    }
  }

  int listener_;
  std::chrono::microseconds gap_;
  int epoll_;
  std::uint64_t serial_ = 0;
  std::unordered_map<int, std::unique_ptr<Client>> clients_;
  std::deque<Due> due_;
};

}  // namespace

void serve_fast(int listener, std::chrono::microseconds chunk_gap) {
  std::thread([listener, chunk_gap] { FastServer(listener, chunk_gap).run(); }).detach();
}

}  // namespace farebox::mock
