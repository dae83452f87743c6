"""From planned cells to evidence on disk: gateways on Ray, a lane a device, journal, resume."""
