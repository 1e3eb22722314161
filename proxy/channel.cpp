#include "proxy/channel.hpp"

#include <boost/asio/error.hpp>

#include <exception>
#include <span>

namespace farebox {

void Channel::read_more(std::size_t least) {
  if (reading_ || ended_) return;
  const std::span<char> into = input_.space(least);
  reading_ = true;
  try {
    stream_->start_read(into, *this);
  } catch (...) {
    reading_ = false;  // nobody will say that it is over
    throw;
  }
}

void Channel::send(ByteStream::Buffers data) {
  DCHECK(!writing_);
  CHECK(data.size() <= kMaxPieces);
  if (broken_ || closed_) return;
  output_first_ = 0;
  output_count_ = 0;
  for (const asio::const_buffer& piece : data) {
    if (piece.size() != 0) output_[output_count_++] = piece;
  }
  if (output_count_ == 0) return;
  advance(stream_->try_write({output_.data(), output_count_}));
  if (output_first_ == output_count_) return;
  writing_ = true;
  try {
    stream_->start_write({output_.data() + output_first_, output_count_ - output_first_}, *this);
  } catch (...) {
    writing_ = false;
    broken_ = true;
    throw;
  }
}

void Channel::close() {
  if (closed_) return;
  closed_ = true;
  stream_->close();
}

void Channel::reset() {
  if (closed_) return;
  closed_ = true;
  stream_->reset();
}

void Channel::retire(std::unique_ptr<Channel> channel) {
  channel->owner_ = nullptr;
  channel->close();
  if (!channel->busy()) return;
  channel->retired_ = true;
  channel.release();  // tell() deletes it after the last completion
}

void Channel::on_read(error_code ec, std::size_t got) {
  reading_ = false;
  input_.commit(got);
  octets_read_ += got;
  if (ec) {
    ended_ = true;
    end_ = ec;
  }
  tell();
}

void Channel::on_written(error_code ec, std::size_t put) {
  advance(put);
  if (!ec && !closed_ && output_first_ < output_count_) {
    // What the first wait made room for may take the rest at once.
    advance(stream_->try_write({output_.data() + output_first_, output_count_ - output_first_}));
    if (output_first_ < output_count_) {
      try {
        stream_->start_write({output_.data() + output_first_, output_count_ - output_first_}, *this);
        return;
      } catch (const std::exception&) {
        broken_ = true;  // the owner hears of it as of a peer that is gone
      }
    }
  }
  writing_ = false;
  if (ec) broken_ = true;
  tell();
}

void Channel::advance(std::size_t put) {
  octets_written_ += put;
  while (put != 0) {
    asio::const_buffer& piece = output_[output_first_];
    if (put < piece.size()) {
      piece += put;
      return;
    }
    put -= piece.size();
    ++output_first_;
  }
}

void Channel::tell() {
  if (retired_) {
    if (!busy()) delete this;
    return;
  }
  if (owner_ != nullptr) owner_->set();
}

}  // namespace farebox
