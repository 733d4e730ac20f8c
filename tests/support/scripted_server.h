// A loopback server that answers with scripted bytes and remembers what it was asked: what the
// upstream client is tried against.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace npmgate::testing {

// One thread, one connection after another; a connection goes on until an answer says close, is
// empty (hang up) or the client leaves.
class ScriptedServer {
 public:
  using Script = std::function<std::string(const std::string& request_head)>;

  // `piece`: bytes of an answer sent at a time; `hang_up`: behind each answer.
  explicit ScriptedServer(Script script, std::size_t piece = std::size_t{1} << 30,
                          bool hang_up = false)
      : script_(std::move(script)),
        piece_(piece),
        hang_up_(hang_up),
        acceptor_(context_, {boost::asio::ip::address_v4::loopback(), 0}),
        thread_([this] { run(); }) {}
  ~ScriptedServer() {
    stopping_ = true;
    boost::system::error_code ignored;
    boost::asio::ip::tcp::socket wake(context_);
    wake.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port()) + "/"; }
  std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void run() {
    while (!stopping_) {
      boost::asio::ip::tcp::socket socket(context_);
      boost::system::error_code ec;
      acceptor_.accept(socket, ec);
      if (!ec) socket.set_option(boost::asio::ip::tcp::no_delay(true), ec);
      if (!ec && !stopping_) serve(socket);
    }
  }
  void serve(boost::asio::ip::tcp::socket& socket) {
    std::string data;
    while (!stopping_) {
      boost::system::error_code ec;
      const std::size_t size =
          boost::asio::read_until(socket, boost::asio::dynamic_buffer(data), "\r\n\r\n", ec);
      if (ec) return;
      const std::string head = data.substr(0, size);
      data.erase(0, size);
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(head);
      }
      const std::string answer = script_(head);
      if (answer.empty()) return;
      for (std::size_t at = 0; at < answer.size() && !ec; at += piece_)
        boost::asio::write(socket, boost::asio::buffer(answer.substr(at, piece_)), ec);
      if (ec || hang_up_ || answer.find("connection: close") != std::string::npos) return;
    }
  }

  Script script_;
  std::size_t piece_;
  bool hang_up_;
  boost::asio::io_context context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace npmgate::testing
