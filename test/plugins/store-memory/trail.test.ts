import { trailContract } from '../../contracts/trail.js'
import { memoryStore } from './backend.js'

trailContract(memoryStore)
