// farebox-mock: a pretend provider of all dialects for tests and benchmarks.
// README.md beside this file tells how to speak to it.
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "tests/mock/connection.hpp"
#include "tests/mock/control.hpp"
#include "tests/mock/fast_server.hpp"
#include "tests/mock/listener.hpp"
#include "tests/mock/tls.hpp"
#include "tests/mock/world.hpp"

namespace farebox::mock {
namespace {

struct Options {
  std::string listen = "127.0.0.1:0";
  std::string control;
  std::vector<std::string> tls_listen, certificates, keys, recordings;
  bool fast = false;
  int chunk_gap_us = 0;
};

struct Port {
  int socket;
  TlsContext tls;  // none on a plain port
};

void print_ready(const Port& plain, const std::vector<Port>& tls, int control) {
  Json line = {{"listen", address_of(plain.socket)}, {"tls", nullptr}, {"control", nullptr}};
  for (const Port& port : tls) line["tlsAll"].push_back(address_of(port.socket));
  if (!tls.empty()) line["tls"] = line["tlsAll"][0];
  if (control >= 0) line["control"] = address_of(control);
  std::printf("%s\n", line.dump().c_str());
  std::fflush(stdout);
}

void serve(Stream& stream, const TlsContext& tls, World& world) {
  if (tls) {
    const std::string failure = stream.start_tls(tls.get());
    if (!failure.empty()) return world.connections.handshake_failed(failure);
  }
  serve_provider(stream, world);
}

void wait_for_end() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  int received = 0;
  sigwait(&ends, &received);
}

void block_signals() {
  signal(SIGPIPE, SIG_IGN);
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);  // inherited by all threads
}

void run(const Options& options) {
  block_signals();
  const Port plain{listen_on(options.listen), nullptr};
  std::vector<Port> tls;
  for (std::size_t i = 0; i < options.tls_listen.size(); ++i) {
    tls.push_back({listen_on(options.tls_listen[i]),
                   make_tls_context(options.certificates.at(i), options.keys.at(i))});
  }
  const int control = options.control.empty() ? -1 : listen_on(options.control);

  // Connections outlive this function; the process ends under them.
  auto& world = *new World;
  for (const std::string& from : options.recordings) world.recordings.load(from);

  if (options.fast) {
    serve_fast(plain.socket, std::chrono::microseconds(options.chunk_gap_us));
  } else {
    accept_on(plain.socket, [&world](Stream& stream) { serve(stream, nullptr, world); });
  }
  for (const Port& port : tls) {
    accept_on(port.socket, [&world, port](Stream& stream) { serve(stream, port.tls, world); });
  }
  if (control >= 0) {
    accept_on(control, [&world](Stream& stream) { serve_control(stream, world); });
  }
  print_ready(plain, tls, control);
  wait_for_end();
}

}  // namespace
}  // namespace farebox::mock

int main(int argc, char** argv) {
  farebox::mock::Options options;
  CLI::App app{"A pretend AI provider for tests and benchmarks."};
  app.add_option("--listen", options.listen, "plain HTTP, host:port");
  app.add_option("--tls-listen", options.tls_listen,
                 "HTTPS; repeatable, with one --cert and --key each");
  app.add_option("--cert", options.certificates, "certificate chain, PEM");
  app.add_option("--key", options.keys, "private key, PEM");
  app.add_option("--control", options.control, "control port, host:port");
  app.add_option("--recordings", options.recordings,
                 "JSON Lines file or directory of recorded exchanges");
  app.add_flag("--fast", options.fast, "fixed answers, as cheap as possible, on --listen");
  app.add_option("--chunk-gap-us", options.chunk_gap_us, "with --fast: time between two chunks");
  CLI11_PARSE(app, argc, argv);
  try {
    farebox::mock::run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "farebox-mock: %s\n", error.what());
    return 1;
  }
  std::fflush(stdout);
  _exit(0);
}
