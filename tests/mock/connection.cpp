#include "tests/mock/connection.hpp"

#include <chrono>

#include "tests/mock/answer.hpp"
#include "tests/mock/octets.hpp"
#include "tests/mock/reply.hpp"

namespace farebox::mock {

namespace {

constexpr std::string_view kReplay = "/replay/";
constexpr std::string_view kEcho = "/echo";

Reply plain_reply(int status, const std::string& text) {
  Reply reply;
  reply.status = status;
  reply.content_type = "text/plain";
  reply.add(text);
  return reply;
}

Json fields_json(const std::vector<Field>& fields) {
  Json out = Json::array();
  for (const Field& field : fields) {
    out.push_back(Json::array({latin1_to_utf8(field.name), latin1_to_utf8(field.value)}));
  }
  return out;
}

Reply echo_reply(const Request& request) {
  Reply reply;
  reply.content_type = "application/json";
  reply.add(json_text({{"method", request.method},
                       {"target", request.target},
                       {"headers", fields_json(request.fields)},
                       {"trailers", fields_json(request.trailers)},
                       {"bodySize", request.body.size()},
                       {"bodySha256", sha256_hex(request.body)},
                       {"bodyBase64", base64(request.body)}}));
  return reply;
}

std::string recording_asked(const Request& request, const Behaviour& behaviour) {
  if (!behaviour.recording.empty()) return behaviour.recording;
  const std::string_view path = request.path();
  if (path.substr(0, kReplay.size()) != kReplay) return {};
  return std::string(path.substr(kReplay.size(), path.find('/', kReplay.size()) - kReplay.size()));
}

Reply choose_reply(const World& world, const Request& request, const Behaviour& behaviour) {
  if (const std::string id = recording_asked(request, behaviour); !id.empty()) {
    const Recording* recording = world.recordings.find(id);
    if (recording == nullptr) return plain_reply(500, "the mock has no recording " + id);
    return recording->reply(behaviour.split);
  }
  if (behaviour.echo || request.path().substr(0, kEcho.size()) == kEcho) {
    return echo_reply(request);
  }
  return make_reply(request, behaviour);
}

// The state of one connection between its requests.
class Provider {
 public:
  Provider(Stream& stream, World& world, std::uint64_t id)
      : stream_(stream), world_(world), inbox_(stream), id_(id) {}

  void run() {
    Afterwards afterwards = Afterwards::keep;
    while (afterwards == Afterwards::keep && next_request_comes()) afterwards = exchange();
    if (afterwards != Afterwards::ended) stream_.close_politely();
  }

 private:
  bool next_request_comes() {
    if (!inbox_.empty()) return true;
    const std::chrono::milliseconds most(idle_close_ms_ > 0 ? idle_close_ms_ : -1);
    return stream_.wait_readable(most) && inbox_.fill();
  }

  Afterwards exchange() {
    ++nth_;
    Request request;
    RequestReader reader(inbox_);
    const ReadEnd head = reader.read_head(request);
    const std::uint64_t entry = enter(request);
    if (!stale_.empty()) return leave_unanswered(entry);
    if (head != ReadEnd::whole) return refuse(entry, head, request);

    Behaviour behaviour;
    Json wishes = world_.rules.take(request, nth_);
    wishes.update(behaviour_from_fields(request.fields));
    const std::string wrong = read_behaviour(wishes, behaviour);
    if (!wrong.empty()) return finish(entry, request, {}, plain_reply(500, "mock: " + wrong));

    if (!behaviour.early_answer) {
      const ReadEnd body = read_content(reader, request, behaviour);
      world_.log.body_read(entry, request);
      if (body != ReadEnd::whole) return refuse(entry, body, request);
    }
    stale_ = behaviour.stale;
    idle_close_ms_ = behaviour.idle_close_ms;
    if (is_scripted(behaviour)) return conclude(entry, send_script(stream_, behaviour));
    return finish(entry, request, behaviour, choose_reply(world_, request, behaviour));
  }

  std::uint64_t enter(const Request& request) {
    Exchange exchange;
    exchange.connection = id_;
    exchange.nth = nth_;
    exchange.tls = stream_.tls_facts();
    exchange.head_at = monotonic_seconds();
    exchange.request = request;
    return world_.log.begin(std::move(exchange));
  }

  // Expect: 100-continue is answered at once, never, or by the final answer
  // before the content, after which the connection is of no more use.
  ReadEnd read_content(RequestReader& reader, Request& request, Behaviour& behaviour) {
    const bool expects = lower(request.field("expect")) == "100-continue";
    if (expects && behaviour.expect == "early") {
      behaviour.early_answer = true;
      return ReadEnd::whole;
    }
    if (expects && behaviour.expect != "ignore") {
      stream_.write_all("HTTP/1.1 100 Continue\r\n\r\n");
    }
    return reader.read_body(request, behaviour.read_pause_ms);
  }

  Afterwards leave_unanswered(std::uint64_t entry) {
    Ended ended;
    ended.outcome = "unanswered";
    world_.log.end(entry, ended);
    if (stale_ == "reset") {
      stream_.reset();
    } else {
      stream_.close_abruptly();
    }
    return Afterwards::ended;
  }

  Afterwards refuse(std::uint64_t entry, ReadEnd end, const Request& request) {
    Ended ended;
    ended.outcome = end == ReadEnd::faulty ? "faulty" : "request_cut";
    if (end == ReadEnd::cut_short) ended.peer_left_at = monotonic_seconds();
    if (end == ReadEnd::faulty) {
      ended.status = 400;
      stream_.write_all("HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n"
                        "content-length: " + std::to_string(request.fault.size()) +
                        "\r\nconnection: close\r\n\r\n" + request.fault);
    }
    world_.log.end(entry, ended);
    return Afterwards::close;
  }

  Afterwards finish(std::uint64_t entry, const Request& request, const Behaviour& behaviour,
                    Reply reply) {
    world_.log.answering(entry, reply.model, reply.input_tokens, reply.streamed);
    return conclude(entry, send_reply(stream_, request, behaviour, std::move(reply)));
  }

  Afterwards conclude(std::uint64_t entry, const Sent& sent) {
    world_.log.end(entry, sent.ended);
    return sent.afterwards;
  }

  Stream& stream_;
  World& world_;
  Inbox inbox_;
  std::uint64_t id_;
  std::uint64_t nth_ = 0;
  std::string stale_;  // how to leave the next request unanswered; empty: answer it
  int idle_close_ms_ = 0;
};

}  // namespace

void serve_provider(Stream& stream, World& world) {
  const std::uint64_t id = world.connections.add(stream);
  Provider(stream, world, id).run();
  world.connections.remove(id);
}

}  // namespace farebox::mock
