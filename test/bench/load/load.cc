// Load for a WebSocket server, made by one thread: it opens connections, and then counts what it receives (`fanout`),
// keeps requests in flight (`echo`), or does nothing (`idle`). Compiled and driven by load.js.
//
// It takes `key=value` arguments, and prints one line of JSON when all connections are ready. With a line on its
// standard input it begins, prints `measuring` after the warm-up, and a line of JSON at the end. In the mode `idle` it
// ends with that line.
#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <netinet/tcp.h>
#include <string>
#include <string_view>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

using std::string;
using std::string_view;

struct Options {
  string mode, path = "/", protocol, request, accept;
  int port = 0, connections = 0, concurrency = 50, inFlight = 1;
  double warmUp = 0.5, seconds = 1;
  /// Text frames sent after the handshake, each with what its answer must have in it. An empty one waits for none.
  std::vector<string> hellos, answers;
  /// A bearer token for each connection.
  std::vector<string> tokens;
} options;

struct Connection {
  int fd = -1;
  bool switched = false;
  size_t greeted = 0;
  /// The beginning of a frame, or of the response to the upgrade.
  string rest;
  long frames = 0;
  /// When the requests in flight were sent: replies come in their order.
  std::vector<double> sent;
  size_t nextReply = 0, nextRequest = 0;
};

const unsigned char maskKey[] = { 0x37, 0xfa, 0x21, 0x3d };
const string idMark = "########";
constexpr size_t bufferBytes = 1 << 18;
constexpr int latencyBuckets = 1'000'000;

std::vector<Connection> connections;
std::vector<long> latencies(latencyBuckets);
int events, opened = 0, ready = 0;
long others = 0, nextId = 10'000'000;
bool isMeasuring = false;

[[noreturn]] void fail (const string &what) {
  fprintf(stderr, "%s\n", what.c_str());
  exit(1);
}

double now () {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double cpuSeconds () {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

string masked (string_view text, int opcode = 1) {
  string frame(1, char(0x80 | opcode));
  if (text.size() < 126) frame += char(0x80 | text.size());
  else frame += { char(0x80 | 126), char(text.size() >> 8), char(text.size()) };
  frame.append(reinterpret_cast<const char *>(maskKey), 4);
  for (size_t i = 0; i < text.size(); i++) frame += char(text[i] ^ maskKey[i & 3]);
  return frame;
}

void write (Connection &connection, string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = send(connection.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written < 0 && errno == EAGAIN) usleep(50);
    else if (written < 0) fail("cannot write: " + string(strerror(errno)));
    else bytes.remove_prefix(written);
  }
}

void sendRequests (Connection &connection, int count) {
  string frames;
  for (int i = 0; i < count; i++) {
    string text = options.request, id = std::to_string(nextId++);
    for (size_t at; (at = text.find(idMark)) != string::npos;) text.replace(at, idMark.size(), id);
    frames += masked(text);
    connection.sent[connection.nextRequest++ % options.inFlight] = now();
  }
  write(connection, frames);
}

/// Sends the frames of the greeting up to the one whose answer it must wait for.
void greet (Connection &connection) {
  while (connection.greeted < options.hellos.size()) {
    write(connection, masked(options.hellos[connection.greeted]));
    if (!options.answers[connection.greeted].empty()) return;
    connection.greeted++;
  }
  ready++;
}

/// True for a reply or a message that counts.
bool receive (Connection &connection, int opcode, string_view text) {
  if (opcode == 8) fail("closed by the server: " + string(text.size() > 2 ? text.substr(2) : text));
  if (opcode == 9) write(connection, masked(text, 10));
  if (opcode != 1 && opcode != 2) return false;
  // The ping of Engine.IO.
  if (text == "2") write(connection, masked("3"));
  if (connection.greeted < options.hellos.size()) {
    if (text.find("error") != string::npos) fail("refused: " + string(text));
    if (text.find(options.answers[connection.greeted]) == string::npos) return false;
    connection.greeted++;
    greet(connection);
    return false;
  }
  if (text.find(options.accept) != string::npos) return true;
  others++;
  if (text.find("error") != string::npos) fail("an error instead of a reply: " + string(text));
  return false;
}

void takeLatency (Connection &connection) {
  double took = now() - connection.sent[connection.nextReply++ % options.inFlight];
  if (isMeasuring) latencies[std::min(latencyBuckets - 1, int(took * 1e6))]++;
}

/// Returns how many bytes the complete frames have, and counts those that matter.
size_t readFrames (Connection &connection, string_view bytes, int &counted) {
  size_t at = 0;
  while (bytes.size() - at >= 2) {
    auto byte = [&] (size_t i) { return static_cast<unsigned char>(bytes[at + i]); };
    size_t header = 2, length = byte(1) & 0x7f;
    if (length == 127) fail("a frame of more than 64 KB");
    if (length == 126) {
      header = 4;
      if (bytes.size() - at < header) break;
      length = byte(2) << 8 | byte(3);
    }
    if (bytes.size() - at < header + length) break;
    if (receive(connection, byte(0) & 0x0f, bytes.substr(at + header, length))) counted++;
    at += header + length;
  }
  return at;
}

/// Returns how many bytes the response to the upgrade has.
size_t readResponse (Connection &connection, string_view bytes) {
  size_t end = bytes.find("\r\n\r\n");
  if (end == string_view::npos) return 0;
  if (bytes.substr(9, 3) != "101") fail("no upgrade: " + string(bytes.substr(0, 300)));
  connection.switched = true;
  greet(connection);
  return end + 4;
}

void read (Connection &connection) {
  static char buffer[bufferBytes];
  size_t kept = connection.rest.copy(buffer, bufferBytes);
  ssize_t got = recv(connection.fd, buffer + kept, bufferBytes - kept, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) fail(string("connection lost: ") + (got < 0 ? strerror(errno) : "ended by the server"));
  string_view bytes(buffer, kept + got);
  int counted = 0;
  if (!connection.switched) bytes.remove_prefix(readResponse(connection, bytes));
  if (connection.switched) bytes.remove_prefix(readFrames(connection, bytes, counted));
  connection.rest.assign(bytes);
  connection.frames += counted;
  if (options.mode != "echo" || counted == 0) return;
  for (int i = 0; i < counted; i++) takeLatency(connection);
  sendRequests(connection, counted);
}

void open (int index) {
  Connection &connection = connections[index];
  connection.fd = socket(AF_INET, SOCK_STREAM, 0);
  connection.sent.resize(options.inFlight);
  int on = 1;
  setsockopt(connection.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // A reset at the end: thousands of ports would wait in TIME_WAIT.
  linger reset{ 1, 0 };
  setsockopt(connection.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options.port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(connection.fd, reinterpret_cast<sockaddr *>(&address), sizeof address)) {
    fail(string("cannot connect: ") + strerror(errno));
  }
  fcntl(connection.fd, F_SETFL, O_NONBLOCK);
  string request = "GET " + options.path + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(options.port) +
    "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  if (!options.protocol.empty()) request += "Sec-WebSocket-Protocol: " + options.protocol + "\r\n";
  auto &tokens = options.tokens;
  if (!tokens.empty()) request += "Authorization: Bearer " + tokens[index % tokens.size()] + "\r\n";
  write(connection, request + "\r\n");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u32 = index;
  epoll_ctl(events, EPOLL_CTL_ADD, connection.fd, &event);
}

/// Reads what has arrived within `milliseconds`.
void turn (int milliseconds) {
  static epoll_event happened[1024];
  int count = epoll_wait(events, happened, 1024, milliseconds);
  for (int i = 0; i < count; i++) read(connections[happened[i].data.u32]);
}

void runFor (double seconds) {
  for (double end = now() + seconds; now() < end;) turn(10);
}

long total () {
  long sum = 0;
  for (auto &connection : connections) sum += connection.frames;
  return sum;
}

int percentile (double share) {
  long sum = 0, passed = 0;
  for (long count : latencies) sum += count;
  for (int us = 0; us < latencyBuckets; us++) {
    passed += latencies[us];
    if (passed > sum * share) return us;
  }
  return 0;
}

void parse (int count, char **arguments) {
  for (int i = 1; i < count; i++) {
    string argument = arguments[i];
    size_t at = argument.find('=');
    string key = argument.substr(0, at), value = argument.substr(at + 1);
    if (key == "mode") options.mode = value;
    else if (key == "port") options.port = std::stoi(value);
    else if (key == "path") options.path = value;
    else if (key == "connections") options.connections = std::stoi(value);
    else if (key == "concurrency") options.concurrency = std::stoi(value);
    else if (key == "hello") options.hellos.push_back(value);
    else if (key == "answer") options.answers.push_back(value);
    else if (key == "protocol") options.protocol = value;
    else if (key == "request") options.request = value;
    else if (key == "accept") options.accept = value;
    else if (key == "inFlight") options.inFlight = std::stoi(value);
    else if (key == "warmUp") options.warmUp = std::stod(value);
    else if (key == "seconds") options.seconds = std::stod(value);
    else if (key == "tokens") {
      std::ifstream file(value);
      for (string line; getline(file, line);) options.tokens.push_back(line);
    } else fail("unknown argument " + argument);
  }
}

void openAll () {
  double began = now(), cpu = cpuSeconds(), progress = began;
  for (int before = 0; ready < options.connections; before = ready) {
    while (opened < options.connections && opened - ready < options.concurrency) open(opened++);
    turn(100);
    if (ready != before) progress = now();
    if (now() - progress > 15) fail("no progress for 15 s: " + std::to_string(ready) + " connections are ready");
  }
  double took = now() - began;
  printf("{\"ready\":%d,\"seconds\":%.6f,\"busy\":%.3f}\n", ready, took, (cpuSeconds() - cpu) / took);
  fflush(stdout);
}

void awaitLine () {
  // Connections that nobody reads would hold the server back.
  fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
  char line[64];
  while (read(STDIN_FILENO, line, sizeof line) < 0) turn(5);
}

void measure () {
  if (options.mode == "echo") for (auto &connection : connections) sendRequests(connection, options.inFlight);
  runFor(options.warmUp);
  puts("measuring");
  fflush(stdout);
  long fewest = -1, most = 0;
  double began = now(), cpu = cpuSeconds();
  for (auto &connection : connections) connection.frames = 0;
  isMeasuring = true;
  runFor(options.seconds);
  double took = now() - began;
  long frames = total();
  for (auto &connection : connections) {
    if (fewest < 0 || connection.frames < fewest) fewest = connection.frames;
    most = std::max(most, connection.frames);
  }
  printf("{\"frames\":%ld,\"seconds\":%.6f,\"busy\":%.3f,\"fewest\":%ld,\"most\":%ld,\"others\":%ld,"
    "\"p50\":%d,\"p99\":%d}\n", frames, took, (cpuSeconds() - cpu) / took, fewest, most, others,
    percentile(0.5), percentile(0.99));
}

int main (int count, char **arguments) {
  parse(count, arguments);
  events = epoll_create1(0);
  connections.resize(options.connections);
  openAll();
  awaitLine();
  if (options.mode != "idle") measure();
}
