#include "proxy/metering.hpp"

#include "proxy/http/head.hpp"

namespace farebox {

Metering::Metering(std::unique_ptr<UsageReader> reader, const http::ResponseHead& answer)
    : reader_(std::move(reader)) {
  const std::string_view content_encoding = answer.value("content-encoding");
  encoded_ =
      !content_encoding.empty() && !http::equals_ignoring_case(content_encoding, "identity");
  if (reader_) reader_->head(answer);
  if (reader_ && encoded_) decoder_ = std::make_unique<BodyDecoder>(content_encoding);
}

void Metering::feed(std::string_view content) {
  if (!reader_) return;
  if (!decoder_) {
    show(content);
    return;
  }
  std::string_view decoded;
  while (!decoder_->unreadable() && decoder_->next(content, decoded)) show(decoded);
}

bool Metering::whole() const { return !reader_ || reader_->whole(); }

Reading Metering::finish() { return reader_ ? reader_->finish() : Reading(); }

}  // namespace farebox
