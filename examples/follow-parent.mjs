// Preloaded into every process of the sample (`node --import`). The channel to examples/start.mjs closes when
// that process ends, however it ends; then this one ends too, so that nothing is left holding a port.
const GRACE_MS = 3000;

// A worker of the gateway inherits this preload, and its channel is the gateway's own.
if (process.channel && process.env.SAMPLE_PID === String(process.ppid)) {
  process.channel.unref();
  process.once('disconnect', () => {
    process.kill(process.pid, 'SIGTERM');
    setTimeout(() => process.exit(1), GRACE_MS).unref();
  });
}
