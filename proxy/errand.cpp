#include "proxy/errand.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>

#include "proxy/http/text.hpp"

namespace farebox {
namespace {

class ErrandStream final : public ByteStream {
 public:
  ErrandStream(const Executor& executor, std::string request, std::size_t most_answer,
               std::function<void(ErrandResult)> done)
      : state_(std::make_shared<State>(executor, std::move(request), most_answer)),
        done_(std::move(done)) {}

  ~ErrandStream() override {
    state_->alive = false;
    ErrandResult result;
    const std::string& answer = state_->answer;
    // Only what was ended properly is whole: a cut answer ends with a reset.
    result.whole = state_->ended_well && !state_->overflown && answer.starts_with("HTTP/1.1 ") &&
                   answer.size() > 12;
    if (result.whole) {
      result.status = (answer[9] - '0') * 100 + (answer[10] - '0') * 10 + (answer[11] - '0');
      result.answer = std::move(state_->answer);
    }
    if (done_) done_(std::move(result));
  }

  void start_read(std::span<char> into, Sink& sink) override {
    State& state = *state_;
    state.reader = &sink;
    const std::size_t size = std::min(into.size(), state.request.size() - state.sent);
    if (size != 0) {
      std::memcpy(into.data(), state.request.data() + state.sent, size);
      state.sent += size;
      finish_read({}, size);
    } else if (state.closed) {
      finish_read(asio::error::operation_aborted, 0);
    } else if (state.ended_well) {
      finish_read(asio::error::eof, 0);
    }
    // Else the client is there and says nothing more.
  }

  std::size_t try_write(Buffers data) override {
    State& state = *state_;
    std::size_t size = 0;
    for (const asio::const_buffer& piece : data) {
      size += piece.size();
      if (state.overflown) continue;
      if (state.answer.size() + piece.size() > state.most_answer) {
        state.overflown = true;
        state.answer.clear();
        continue;
      }
      state.answer.append(static_cast<const char*>(piece.data()), piece.size());
    }
    return size;
  }

  void start_write(Buffers data, Sink& sink) override {
    const std::size_t size = try_write(data);
    asio::post(state_->executor, [state = state_, &sink, size] {
      if (state->alive) sink.on_written({}, size);
    });
  }

  bool quiet() override { return false; }

  void shutdown_send() override {
    state_->ended_well = true;
    if (state_->reader != nullptr) finish_read(asio::error::eof, 0);
  }

  void close() override {
    state_->closed = true;
    if (state_->reader != nullptr) finish_read(asio::error::operation_aborted, 0);
  }
  void reset() override { close(); }

 private:
  struct State {
    State(const Executor& where, std::string octets, std::size_t most)
        : executor(where), request(std::move(octets)), most_answer(most) {}
    const Executor executor;
    const std::string request;
    const std::size_t most_answer;
    std::size_t sent = 0;
    std::string answer;
    Sink* reader = nullptr;  // a read is under way
    bool ended_well = false, closed = false, overflown = false, alive = true;
  };

  // Never within the call that began it.
  void finish_read(error_code ec, std::size_t got) {
    Sink* const sink = std::exchange(state_->reader, nullptr);
    asio::post(state_->executor, [state = state_, sink, ec, got] {
      if (state->alive) sink->on_read(ec, got);
    });
  }

  const std::shared_ptr<State> state_;
  const std::function<void(ErrandResult)> done_;
};

bool is_of_the_connection(std::string_view name) {
  static constexpr std::string_view kDropped[] = {
      "connection",      "keep-alive",        "content-length",       "transfer-encoding",
      "expect",          "x-farebox-cache",   "x-farebox-request-id", "x-farebox-timeout",
      "upgrade",         "te",                "trailer",              "x-stainless-read-timeout",
      "accept-encoding", "x-stainless-retry-count", "x-farebox-priority"};
  return std::any_of(std::begin(kDropped), std::end(kDropped), [&](std::string_view dropped) {
    return http::equals_ignoring_case(dropped, name);
  });
}

}  // namespace

std::string errand_request(const http::RequestHead& head, std::string_view target,
                           std::string_view fields, std::string_view body) {
  std::string out;
  out.reserve(1024 + body.size());
  out += head.method;
  out += ' ';
  out += target;
  out += " HTTP/1.1\r\n";
  for (const http::Field& field : head.fields) {
    if (is_of_the_connection(field.name)) continue;
    out += field.name;
    out += ": ";
    out += field.value;
    out += "\r\n";
  }
  out += fields;
  out += "Content-Length: ";
  out += std::to_string(body.size());
  out += "\r\nConnection: close\r\n\r\n";
  out += body;
  return out;
}

std::unique_ptr<ByteStream> make_errand_stream(const Executor& executor, std::string request,
                                               std::size_t most_answer,
                                               std::function<void(ErrandResult)> done) {
  return std::make_unique<ErrandStream>(executor, std::move(request), most_answer, std::move(done));
}

}  // namespace farebox
