// A central system made with ocpp-rpc in strict mode: every frame of the station is checked against the schemas.
// It prints one JSON line a message and one when a message is refused; the test reads them.
import { RPCServer } from "ocpp-rpc";

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const server = new RPCServer({ protocols: ["ocpp1.6"], strictMode: true });
let transactions = 0;

const answers = {
  BootNotification: () => ({ status: "Accepted", currentTime: new Date().toISOString(), interval: 300 }),
  Heartbeat: () => ({ currentTime: new Date().toISOString() }),
  Authorize: () => ({ idTagInfo: { status: "Accepted" } }),
  StartTransaction: () => ({ transactionId: ++transactions, idTagInfo: { status: "Accepted" } }),
  StopTransaction: () => ({ idTagInfo: { status: "Accepted" } }),
  MeterValues: () => ({}),
  StatusNotification: () => ({}),
};

server.auth((accept) => accept());
server.on("client", (client) => {
  say({ event: "connected", identity: client.identity, protocol: client.protocol });
  client.on("strictValidationFailure", (failure) => say({ event: "refused", error: String(failure.error) }));
  client.handle(({ method, params }) => {
    say({ event: "call", action: method, payload: params });
    if (method === "StartTransaction") {
      setTimeout(() => ask(client, "GetConfiguration", {}), 300);
      setTimeout(() => ask(client, "RemoteStopTransaction", { transactionId: transactions }), 1500);
    }
    return answers[method]();
  });
});

async function ask(client, action, payload) {
  try {
    say({ event: "answer", action, payload: await client.call(action, payload) });
  } catch (error) {
    say({ event: "error", action, error: String(error) });
  }
}

const http = await server.listen(0, "127.0.0.1");
say({ event: "listening", port: http.address().port });
